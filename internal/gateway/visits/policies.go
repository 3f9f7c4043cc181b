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

// stricterThan reports whether something that was open under old may not be open under p.
func (p Policy) stricterThan(old Policy) bool {
	return p.Enforce && (!old.Enforce || p.Required && !old.Required)
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
	if known && p.stricterThan(last) {
		t.closeWithoutClearance(realm)
	}
}

// Leave is called when a configuration with this policy has ended. It closes what Enter
// could not: responses that began after the next configuration was read and before it
// served, and all if a configuration in between failed.
func (t *Table) Leave(realm string, p Policy) {
	ps := &t.policies
	ps.mu.Lock()
	now := ps.each[realm]
	ps.mu.Unlock()
	if now.stricterThan(p) {
		t.closeWithoutClearance(realm)
	}
}

func (t *Table) closeWithoutClearance(realm string) {
	t.Tunnels.closeIf(func(t *Tunnel) bool { return t.Realm == realm && t.Standing == nil })
}
