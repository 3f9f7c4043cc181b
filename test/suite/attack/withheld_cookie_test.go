package attack

import (
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestAttack_WithheldUnsealedCookie: a cookie of a withheld response that is not sealed, on
// the built-in list or by `leave`, is a part of what the portal rendered for the user.
func TestAttack_WithheldUnsealedCookie(t *testing.T) {
	for _, name := range []string{"theme", "XSRF-TOKEN", "wp-settings-4711", "cart_count"} {
		for _, way := range []string{"sign-in", "question"} {
			t.Run(name+" "+way, func(t *testing.T) {
				thief := false // signed in as alice: what follows is rendered for her
				portal := &harness.Legacy{Before: func(l *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
					signsIn := r.URL.Path == "/login" && r.FormValue("user") == "alice"
					thief = thief || signsIn && r.UserAgent() == "thief"
					if way == "sign-in" && signsIn || way == "question" && thief && r.URL.Path == "/me" {
						w.Header().Add("Set-Cookie", name+"=of-alice-only; Path=/")
					}
					return false
				}}
				h := harness.Start(t, portal, harness.LegacyLines+"\nleave cart_count")
				owner := h.Browser()
				owner.SignIn("alice")
				device := owner.Enrol()
				b := h.Browser()
				b.Header.Set("User-Agent", "thief")
				p := b.SignIn("alice")
				if p.Location != "/two-factor/challenge" {
					t.Fatalf("the sign-in: %d %s", p.Status, p.Location)
				}
				again := b.Get("/account")
				for _, p := range []*harness.Page{p, again} {
					if lines := strings.Join(p.Header["Set-Cookie"], "\n"); strings.Contains(lines, "of-alice-only") {
						t.Errorf("to somebody who owes a code: %s", lines)
					}
				}
				if b.Pass(device.Code(t)); b.Cookies("/")[name] != "of-alice-only" {
					t.Errorf("after the code the browser has %v", b.Cookies("/"))
				}
			})
		}
	}
}
