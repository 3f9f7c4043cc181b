package caddyplugin

import (
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// passedGate is the variable by which a request shows that it came through two_factor:
// the *gateMark of the handler.
const passedGate = "two_factor.passed_gate"

// gateMark says where a gate takes its user from, and in which name space it is.
type gateMark struct{ user, realm string }

// mark leaves the gate's mark on a request. It is made once, so that this costs a
// request no allocation.
func (m *gateMark) mark(vars map[string]any) {
	if vars != nil {
		vars[passedGate] = m
	}
}

// behindPortal reports whether a portal's gate stands before the support desk. There the
// name in {http.auth.user.id} is a customer's, who must never become staff.
//
// A gate with the same placeholder as the desk gives no one another
// name: it asks staff, who are authenticated before it, for a second factor. That holds
// only in a realm without customers, for these could set up the factor of a member of
// staff of the same name.
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
