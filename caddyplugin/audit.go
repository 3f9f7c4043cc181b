package caddyplugin

import (
	"time"

	"github.com/secondgate/secondgate/config"
)

// Audit is the settings of the audit log.
type Audit struct {
	// Keep is for how long events are kept, from 1d to 3650d. Default: 400d.
	Keep config.Duration `json:"keep,omitempty"`
}

// keep returns how long events of the audit log are kept, with the default filled in.
func (a *App) keep() time.Duration {
	var settings Audit
	if a.Audit != nil {
		settings = *a.Audit
	}
	auditRows.Fill(&settings)
	return time.Duration(settings.Keep)
}
