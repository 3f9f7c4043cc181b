package server

import (
	"slices"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// following writes to the log of the configuration that counts. What outlives a
// configuration must not keep its log: Caddy closes what that writes to.
type following struct {
	e      *Engine
	fields []zapcore.Field
}

// newLogger is the log of what lives as long as the engine.
func newLogger(e *Engine) *zap.Logger { return zap.New(following{e: e}) }

func (f following) now() zapcore.Core { return f.e.logger().Core() }

// Enabled implements zapcore.Core.
func (f following) Enabled(level zapcore.Level) bool { return f.now().Enabled(level) }

// With implements zapcore.Core.
func (f following) With(fields []zapcore.Field) zapcore.Core {
	return following{f.e, append(slices.Clip(f.fields), fields...)}
}

// Check implements zapcore.Core. Whether the entry is sampled or filtered there is for
// the core that gets it: see Write.
func (f following) Check(entry zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if !f.Enabled(entry.Level) {
		return ce
	}
	return ce.AddCore(entry, f)
}

// Write implements zapcore.Core.
func (f following) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	log := f.e.logger()
	entry.LoggerName = log.Name()
	if ce := log.Core().Check(entry, nil); ce != nil {
		ce.Write(append(slices.Clip(f.fields), fields...)...)
	}
	return nil
}

// Sync implements zapcore.Core.
func (f following) Sync() error { return f.now().Sync() }
