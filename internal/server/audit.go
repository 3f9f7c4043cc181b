package server

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/audit"
	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/store"
)

// newAudit makes the audit log of an engine. It reads settings and logger of the running
// configuration each time: the logger of an older one may be closed.
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

// flushTime bounds how long a stopping configuration waits for its last events.
const flushTime = 5 * time.Second

// flushAudit records and logs the pending events, while the logger is still open.
func (e *Engine) flushAudit() {
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	e.audit.Flush(ctx)
}
