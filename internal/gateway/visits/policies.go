package visits

import "sync"

// policies remembers how strict each realm's last configuration was. What was opened
// under a laxer one must not live on under a stricter one (threats.md, I13).
type policies struct {
	mu   sync.Mutex
	each map[string]Policy
}

// Policy is what decides who may pass without clearance at a realm's sites.
type Policy struct {
	// Enforce is false in `mode observe`. Required is `require always`.
	Enforce, Required bool
}

// Enter notes the policy of a configuration that begins. Where it is stricter than the
// last one, everything that is open in the realm without clearance is closed.
func (t *Table) Enter(realm string, p Policy) {
	ps := &t.policies
	ps.mu.Lock()
	last, known := ps.each[realm]
	if ps.each == nil {
		ps.each = make(map[string]Policy)
	}
	ps.each[realm] = p
	ps.mu.Unlock()
	if known && (p.Enforce && !last.Enforce || p.Required && !last.Required) {
		t.Tunnels.closeIf(func(t *Tunnel) bool { return t.Realm == realm && t.Standing == nil })
	}
}
