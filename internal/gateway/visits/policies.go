package visits

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Policy holds the settings of a site that decide which users may pass without a clearance.
type Policy struct {
	// Enforce is false in `mode observe`. Required is `require always`.
	Enforce, Required bool
}

// strictness orders policies. What is open under one policy may have to be closed under one with
// a higher strictness.
func (p Policy) strictness() int32 {
	switch {
	case p.Enforce && p.Required:
		return 2
	case p.Enforce:
		return 1
	}
	return 0
}

// Place names a site across configurations: its realm, and the path of its own pages. Sites
// of several hosts may have equal places.
type Place struct{ Realm, Path string }

// Gate is one site's gate in one configuration. Responses that it opened without a clearance must
// be closed under a stricter configuration (threats.md, I13).
type Gate struct {
	Place
	policy Policy
	// left says that the configuration has ended; strictest is the highest strictness that is
	// served at the place.
	left      atomic.Bool
	strictest *atomic.Int32
}

// Outlived reports whether the gate's configuration has ended and a stricter one serves its
// place, possibly several configurations later. From then on, nothing is released without a
// clearance. A nil gate is not outlived.
func (g *Gate) Outlived() bool {
	return g != nil && g.left.Load() && g.strictest.Load() > g.policy.strictness()
}

// gates are the gates of the configurations that serve, with the highest strictness at each
// place that ever existed.
type gates struct {
	mu        sync.Mutex
	live      []*Gate
	strictest map[Place]*atomic.Int32
}

// Enter registers the gate of a configuration that begins.
func (t *Table) Enter(at Place, p Policy) *Gate {
	gs := &t.gates
	gs.mu.Lock()
	if gs.strictest == nil {
		gs.strictest = make(map[Place]*atomic.Int32)
	}
	if gs.strictest[at] == nil {
		gs.strictest[at] = new(atomic.Int32)
	}
	g := &Gate{Place: at, policy: p, strictest: gs.strictest[at]}
	gs.live = append(gs.live, g)
	gs.compare(at.Realm)
	gs.mu.Unlock()
	t.Tunnels.closeOutlived()
	return g
}

// Leave is called when the gate's configuration has ended. If a stricter one serves its place, the
// tunnels that the gate opened without a clearance are closed.
func (t *Table) Leave(g *Gate) {
	gs := &t.gates
	gs.mu.Lock()
	gs.live = slices.DeleteFunc(gs.live, func(o *Gate) bool { return o == g })
	gs.compare(g.Realm)
	g.left.Store(true)
	gs.mu.Unlock()
	t.Tunnels.closeOutlived()
}

// compare finds the highest strictness at each place in the realm; for a place that no longer
// exists, that of the realm. If several sites have equal places, it is unknown which of them
// replaced which, so the highest counts for all. The caller holds mu.
func (gs *gates) compare(realm string) {
	for at, strictest := range gs.strictest {
		if at.Realm != realm {
			continue
		}
		here, anywhere := int32(-1), int32(-1)
		for _, g := range gs.live {
			if g.Realm == realm {
				anywhere = max(anywhere, g.policy.strictness())
			}
			if g.Place == at {
				here = max(here, g.policy.strictness())
			}
		}
		if here < 0 {
			here = anywhere
		}
		strictest.Store(here)
	}
}
