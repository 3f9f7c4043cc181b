package caddyplugin

import (
	"context"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
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

const (
	day         = 24 * time.Hour
	defaultKeep = 400 * day
	leastKeep   = day
	mostKeep    = 3650 * day
)

// keep is for how long events are kept.
func (a *App) keep() time.Duration {
	if a.Audit == nil || a.Audit.Keep == 0 {
		return defaultKeep
	}
	return time.Duration(a.Audit.Keep)
}

func (a *Audit) validate() error {
	if a == nil || a.Keep == 0 {
		return nil
	}
	if keep := time.Duration(a.Keep); keep < leastKeep || keep > mostKeep {
		return fmt.Errorf("audit: keep %s: want from 1d to 3650d, for example keep 400d", a.Keep)
	}
	return nil
}

// parseAudit reads the option audit:
//
//	audit {
//		keep DURATION
//	}
func (a *App) parseAudit(d *caddyfile.Dispenser) error {
	if a.Audit != nil {
		return d.Errf("audit is given again; want it once")
	}
	a.Audit = new(Audit)
	if d.NextArg() {
		return d.Errf("audit takes no argument; %q belongs into a block, as keep 400d", d.Val())
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if option := d.Val(); option != "keep" {
			return d.Errf("unknown option %q of audit; known here: keep", option)
		}
		if a.Audit.Keep != 0 {
			return d.Errf("keep is given again; want it once")
		}
		var text string
		if !d.AllArgs(&text) {
			return d.Errf("wrong arguments near %q; want for example keep 400d", d.Val())
		}
		keep, err := config.ParseDuration(text)
		if err != nil {
			return d.Errf("keep: %v", err)
		}
		if keep == 0 {
			return d.Errf("keep 0: want from 1d to 3650d, for example keep 400d")
		}
		a.Audit.Keep = keep
	}
	if a.Audit.Keep == 0 {
		return d.Errf("audit says nothing; want for example keep 400d in its block")
	}
	if err := a.Audit.validate(); err != nil {
		return d.WrapErr(err)
	}
	return nil
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
