package server

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/audit"
	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/store"
)

// newAudit returns the audit log of an engine. It uses settings and logger of the newest
// running configuration, looked up each time, because the logger of an older configuration may
// be closed.
func newAudit(e *Engine, st store.Store) *audit.Log {
	return audit.New(audit.Options{
		Store: st, Clock: clock.Now, Mails: e.mails,
		Logger: func() *zap.Logger {
			if s := e.current(); s != nil {
				return s.Logger
			}
			return nil
		},
		Keep: func() time.Duration {
			if s := e.current(); s != nil {
				return s.Keep
			}
			return 0
		},
	})
}

// flushTime is the longest time that flushAudit waits.
const flushTime = 5 * time.Second

// flushAudit writes the pending events to the store and the log. Server.Stop calls it before
// the logger is closed; the admin API before it reads the audit log.
func (e *Engine) flushAudit() {
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	e.audit.Flush(ctx)
}
