package main

import (
	"io"
	"os"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
)

func init() { caddy.RegisterModule(demoLog{}) }

const demoLogName = "secondgate_demo"

// demoQuiet is true until the demo has printed its welcome. Until then demoLog drops all log
// lines: Caddy warns at the start that there is no TLS, no admin endpoint and a new master key,
// all of which is intended here. An error that makes the start fail is returned by run and
// printed.
var demoQuiet atomic.Bool

// demoLog is the log writer of the demo. It writes to standard error, except while demoQuiet
// is true.
type demoLog struct{}

// CaddyModule returns the module's information.
func (demoLog) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.logging.writers." + demoLogName, New: func() caddy.Module { return new(demoLog) }}
}

func (demoLog) String() string { return demoLogName }

// WriterKey implements caddy.WriterOpener. It returns the key of standard error, because Caddy
// logs a line when the default log gets a writer with another key.
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
