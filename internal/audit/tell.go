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

// What stands in the log under two_factor.audit. docs/audit.md and the filter for
// fail2ban go by the messages, the names and the order of the fields.
const (
	eventMessage = "security event"
	headMessage  = "audit log head"
)

// tell writes an entry to the log. What somebody else may choose comes last: kind and
// address stand where a filter can be sure of them.
func tell(log *zap.Logger, e *store.Entry) {
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

// tellHead writes the head to the log, when it changed.
func (l *Log) tellHead(ctx context.Context) {
	log := l.Logger()
	if log == nil {
		return
	}
	head, err := l.Store.LastEntry(ctx)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		l.fail(ctx, "the head of the audit log can't be read", err)
	case head.Seq != l.told.Seq || head.Hash != l.told.Hash:
		log.Named(logName).Info(headMessage, zap.Uint64("seq", head.Seq), zap.String("hash", hex.EncodeToString(head.Hash[:])))
		l.told = head
	}
}
