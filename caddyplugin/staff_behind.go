package caddyplugin

import (
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// passedGate is the variable of a request that passed a gate. Its value is the *gateMark of the
// gate's Handler.
const passedGate = "two_factor.passed_gate"

// gateMark has two settings of a gate: user, the placeholder it takes the user from ("" with
// whoami), and its realm.
type gateMark struct{ user, realm string }

// mark sets the variable passedGate. m is shared by all requests, so this does not allocate.
func (m *gateMark) mark(vars map[string]any) {
	if vars != nil {
		vars[passedGate] = m
	}
}

// behindPortal reports whether the request passed a portal's gate before the support desk. The
// desk then refuses it: the name in {http.auth.user.id} is a customer's, and a customer must
// never be taken for staff.
//
// A gate is allowed before the desk if its `user` is the same placeholder as the desk's
// `staff`. It then asks staff, who are authenticated before it, for a second factor. Its realm
// must have no customers, because a customer with the same name as a member of staff could set
// up that member's factor.
func (h *StaffHandler) behindPortal(r *http.Request) bool {
	gate, ok := caddyhttp.GetVar(r.Context(), passedGate).(*gateMark)
	if !ok {
		return false
	}
	if gate.user == "" || gate.user != h.Staff {
		return true
	}
	return h.server.HasCustomers(gate.realm)
}
