package server

import (
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// TestLogger: components that live as long as the store write to the running configuration's log,
// under its name. They return to the previous log when a new configuration fails to start.
func TestLogger(t *testing.T) {
	app := func() (*Server, *observer.ObservedLogs) {
		core, logs := observer.New(zap.WarnLevel)
		return &Server{Settings: Settings{Logger: zap.New(core).Named("two_factor")}}, logs
	}
	first, opening := app()
	running, old := app()
	reloaded, fresh := app()
	e := &Engine{log: first.Logger}
	log := newLogger(e).With(zap.String("part", "upkeep"))
	log.Warn("opening")
	e.use(running)
	log.Warn("running")
	log.Info("below the level")
	e.use(reloaded)
	log.Warn("reloaded")
	e.leave(reloaded)
	log.Warn("running again", zap.Int("n", 1))
	e.leave(running)
	log.Warn("the end")
	for _, c := range []struct {
		what string
		logs *observer.ObservedLogs
		want []string
	}{
		{"first", opening, []string{"opening"}},
		{"old", old, []string{"running", "running again", "the end"}},
		{"fresh", fresh, []string{"reloaded"}},
	} {
		all := c.logs.All()
		if len(all) != len(c.want) {
			t.Errorf("%s: %v, want %q", c.what, all, c.want)
			continue
		}
		for i, entry := range all {
			if entry.Message != c.want[i] || entry.LoggerName != "two_factor" || entry.ContextMap()["part"] != "upkeep" {
				t.Errorf("%s: %+v, want %q", c.what, entry, c.want[i])
			}
		}
	}
}
