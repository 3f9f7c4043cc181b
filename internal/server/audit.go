package server

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/audit"
	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/store"
)

// newAudit makes the audit log of an engine. It goes by the settings, and tells the log,
// of the configuration that runs: what an older one has open may be closed.
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

// flushTime bounds how long a stopping configuration waits for its last events to be told.
const flushTime = 5 * time.Second

// flushAudit has what happened until now told while the log that it is told to is open.
func (e *Engine) flushAudit() {
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	e.audit.Flush(ctx)
}
