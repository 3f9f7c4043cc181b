package caddyplugin

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/audit"
	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/store"
)

// Audit is the settings of the audit log.
type Audit struct {
	// Keep is for how long events are kept, from 1d to 3650d. Default: 400d.
	Keep config.Duration `json:"keep,omitempty"`
}

// keep is for how long events are kept.
func (a *App) keep() time.Duration {
	var settings Audit
	if a.Audit != nil {
		settings = *a.Audit
	}
	auditRows.Fill(&settings)
	return time.Duration(settings.Keep)
}

// newAudit makes the audit log of an engine. It goes by the settings, and tells the log,
// of the configuration that runs: what an older one has open may be closed.
func newAudit(e *engine, st store.Store) *audit.Log {
	return audit.New(audit.Options{
		Store: st, Clock: clock.Now, Mails: e.mails,
		Logger: func() *zap.Logger {
			if a := e.current(); a != nil {
				return a.log
			}
			return nil
		},
		Keep: func() time.Duration {
			if a := e.current(); a != nil {
				return a.keep()
			}
			return 0
		},
	})
}

// flushTime bounds how long a stopping configuration waits for its last events to be told.
const flushTime = 5 * time.Second

// flushAudit has what happened until now told while the log that it is told to is open.
func (e *engine) flushAudit() {
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	e.audit.Flush(ctx)
}
