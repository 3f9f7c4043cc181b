package exempt_test

import "testing"

// TestAttack_BracketsInQuery: Rack 2 drops brackets around and before the first name and
// reads `[route]=login` as `route=login`, of two the last; qs (Express) reads `[route]` so.
func TestAttack_BracketsInQuery(t *testing.T) {
	opens := rule(t, hook)
	shuts := rule(t, `{"query": {"action": ["xmlrpc"]}}`)
	for _, name := range []string{"[route]", "%5Broute%5D", "[route", "]route", "[[[route", "route]"} {
		r := request("/index.php?route=pay/callback&" + name + "=login")
		if opens.All(r, readings(t, r)) {
			t.Errorf("trust is opened although the portal reads %s=login", name)
		}
	}
	for _, name := range []string{"[action]", "%5Baction%5D", "[action", "]action", "action]"} {
		r := request("/index.php?" + name + "=xmlrpc")
		if !shuts.Any(r, readings(t, r)) {
			t.Errorf("deny does not see %s", name)
		}
	}
}
