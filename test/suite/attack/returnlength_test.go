package attack

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestAttack_LengthOfReturn: the portal redirects alice after her password. A client that owes her
// code learns neither that address nor its length, which could tell staff from customers.
func TestAttack_LengthOfReturn(t *testing.T) {
	length := func(target string) int {
		legacy := &harness.Legacy{}
		portal := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			legacy.ServeHTTP(rec, r)
			maps.Copy(w.Header(), rec.Header())
			if r.URL.Path == "/login" && r.UserAgent() == "thief" {
				w.Header().Set("Location", target)
			}
			w.WriteHeader(rec.Code)
			_, _ = w.Write(rec.Body.Bytes())
		})
		h := harness.Start(t, portal, harness.LegacyLines)
		owner := h.Browser()
		owner.SignIn("alice")
		owner.Enrol()
		b := h.Browser()
		b.Header.Set("User-Agent", "thief")
		p := b.SignIn("alice")
		if p.Location != "/two-factor/challenge" {
			t.Fatalf("the sign-in: %d %s", p.Status, p.Location)
		}
		for _, line := range p.Header["Set-Cookie"] {
			if strings.Contains(line, "return=") {
				return len(line)
			}
		}
		t.Fatalf("no return target: %v", p.Header["Set-Cookie"])
		return 0
	}
	if account, admin := length("/account"), length("/admin/dashboard/of/staff?welcome=back"); account != admin {
		t.Errorf("the cookie has %d bytes for /account, %d for an address of staff", account, admin)
	}
}
