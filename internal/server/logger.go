package server

import (
	"slices"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// following is a zapcore.Core that writes to the logger of the current configuration. The parts
// of an engine use it because they outlive configurations, and Caddy closes the outputs of a
// configuration's logger when that ends.
type following struct {
	e      *Engine
	fields []zapcore.Field
}

// newLogger returns the logger for the parts of an engine.
func newLogger(e *Engine) *zap.Logger { return zap.New(following{e: e}) }

func (f following) now() zapcore.Core { return f.e.logger().Core() }

// Enabled implements zapcore.Core.
func (f following) Enabled(level zapcore.Level) bool { return f.now().Enabled(level) }

// With implements zapcore.Core.
func (f following) With(fields []zapcore.Field) zapcore.Core {
	return following{f.e, append(slices.Clip(f.fields), fields...)}
}

// Check implements zapcore.Core. It checks only the level. Write calls Check of the current
// core, which may sample or filter the entry.
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
