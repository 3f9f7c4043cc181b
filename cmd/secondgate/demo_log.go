package main

import (
	"io"
	"os"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
)

func init() { caddy.RegisterModule(demoLog{}) }

const demoLogName = "secondgate_demo"

// demoQuiet is true until the demo has said its welcome. Caddy's warnings about the
// start (no TLS, no admin endpoint, a new master key) are how the demo is meant, and
// would stand above it. What makes the start fail is an error, which is always shown.
var demoQuiet atomic.Bool

// demoLog is the demo's log output: standard error, without what is logged while
// demoQuiet is true.
type demoLog struct{}

// CaddyModule returns the module's information.
func (demoLog) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.logging.writers." + demoLogName, New: func() caddy.Module { return new(demoLog) }}
}

func (demoLog) String() string { return demoLogName }

// WriterKey implements caddy.WriterOpener. It is that of standard error, since Caddy logs
// a line when the default log gets another one.
func (demoLog) WriterKey() string { return caddy.StderrWriter{}.WriterKey() }

// OpenWriter implements caddy.WriterOpener.
func (demoLog) OpenWriter() (io.WriteCloser, error) { return demoLog{}, nil }

func (demoLog) Write(line []byte) (int, error) {
	if demoQuiet.Load() {
		return len(line), nil
	}
	return os.Stderr.Write(line)
}

func (demoLog) Close() error { return nil }

var _ caddy.WriterOpener = (*demoLog)(nil)
