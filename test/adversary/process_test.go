package adversary

import (
	"context"
	"errors"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// This file has the restart of the gateway, and the reload of its configuration.

// process is one process of the gateway. killed is closed when it has ended: from then on its
// requests reach neither the portal nor the store, and no byte of theirs reaches a client. The
// portal goes on with what it has got.
type process struct {
	killed  chan struct{}
	flights []*flight
}

type processKey struct{}

var errKilled = errors.New("the gateway's process was killed")

func processOf(ctx context.Context) *process { return ctx.Value(processKey{}).(*process) }

// dead reports whether the process was killed that a context belongs to.
func dead(ctx context.Context) bool {
	p, ok := ctx.Value(processKey{}).(*process)
	return ok && closed(p.killed)
}

// afterKill is how long a request may still stop at the portal after the gateway was killed.
// Documented limit: one that is carried out more than 30 s after a restart.
const afterKill = 25 * time.Second

// start makes a process with a gateway over the store. It remembers nothing of former processes.
func (g *gate) start() (err error) {
	g.kit.db.Store, g.kit.factors.Factors = g.db, g.kit.service(g.db)
	g.process = &process{killed: make(chan struct{})}
	g.g, err = g.kit.gateway(g.world, g.db, gateway.NewVisits(g.db, time.Now))
	g.watched.Store(g.g)
	return err
}

// restart kills the gateway's process, and starts another one at once. What was open breaks off.
func (r *run) restart() {
	p := r.gate.process
	close(p.killed)
	for _, f := range p.flights {
		f.drop(false)
	}
	if err := r.gate.start(); err != nil {
		panic(err)
	}
	r.logf("the gateway is restarted")
}

// reload replaces the gateway in its process by one with the same settings. Requests that run go
// on in the former one.
func (r *run) reload() {
	old := r.gate.g
	g, err := r.gate.kit.gateway(r.world, r.gate.db, old.Visits)
	if err != nil {
		panic(err)
	}
	r.gate.g = g
	r.gate.watched.Store(g)
	old.Stop()
	r.logf("the configuration is loaded again")
}
