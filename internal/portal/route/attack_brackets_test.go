package route

import (
	"net/url"
	"testing"
)

// TestAttack_BracketsBeforeNames: Rack 2 and qs (Express) read `[name]=x` as `name=x`.
func TestAttack_BracketsBeforeNames(t *testing.T) {
	for _, name := range []string{"[access_token]", "%5Baccess_token%5D", "[access_token", "access_token]", "[[access_token"} {
		if !HasParameter(name+"=x", []string{"access_token"}) {
			t.Errorf("%s is not seen", name)
		}
	}
	u, _ := url.Parse("/account?[app_session]=id&%5Bapp_session%5D=id")
	if !StripSessionIDs(u, func(name string) bool { return name == "app_session" }) {
		t.Error("a session id stays in the query under [app_session], which Rack reads")
	}
}
