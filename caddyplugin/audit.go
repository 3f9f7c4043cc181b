package caddyplugin

import (
	"fmt"
	"time"

	"github.com/secondgate/secondgate/config"
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
