package audit

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
)

// logName is the logger's name below the app's: two_factor.audit.
const logName = "audit"

// The messages of the logger two_factor.audit. docs/audit.md and the filter for fail2ban
// depend on the messages, and on the names and the order of the fields.
const (
	eventMessage = "security event"
	headMessage  = "audit log head"
)

// logEntry writes an entry to the log. Kind and address come before every field that a
// user can choose, so that a filter can rely on their place.
func logEntry(log *zap.Logger, e *store.Entry) {
	v := e.Event
	fields := make([]zap.Field, 0, 12)
	fields = append(fields, zap.String("event", v.Kind))
	if v.Address != "" {
		fields = append(fields, zap.String("client_ip", v.Address))
	}
	fields = append(fields, zap.Uint64("seq", e.Seq), zap.String("hash", hex.EncodeToString(e.Hash[:])),
		zap.String("at", v.At.UTC().Format(time.RFC3339Nano)))
	for _, f := range []struct{ name, value string }{
		{"realm", v.Realm}, {"factor", v.Factor}, {"user_id", v.User},
		{"staff", v.Staff}, {"reason", v.Reason}, {"user_agent", v.Agent},
	} {
		if f.value != "" {
			fields = append(fields, zap.String(f.name, f.value))
		}
	}
	if len(v.Detail) > 0 {
		fields = append(fields, zap.Any("detail", v.Detail))
	}
	log.Info(eventMessage, fields...)
}

// logHead writes the chain's head to the log if it changed since the last time.
func (l *Log) logHead(ctx context.Context) {
	log := l.Logger()
	if log == nil {
		return
	}
	head, err := l.Store.LastEntry(ctx)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		l.fail(ctx, "the head of the audit log can't be read", err)
	case head.Seq != l.loggedHead.Seq || head.Hash != l.loggedHead.Hash:
		log.Named(logName).Info(headMessage, zap.Uint64("seq", head.Seq), zap.String("hash", hex.EncodeToString(head.Hash[:])))
		l.loggedHead = head
	}
}
