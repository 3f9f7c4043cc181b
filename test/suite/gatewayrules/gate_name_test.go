package gatewayrules

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestAttack_NameBeforeTheCode: the user's displayed name (`name`) comes from a page of the
// signed-in session. A client with only the password, which owes the code, does not get it.
func TestAttack_NameBeforeTheCode(t *testing.T) {
	const name, email = "Alice Q. Privatename", "alice.private@example.test"
	d := newDesk()
	lines := strings.Replace(deskLines, "user json user\n", "user json user\n\tname json name\n", 1)
	h := &deskHarness{harness.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, s := d.session(r)
		if r.URL.Path != "/me" || s == nil {
			d.ServeHTTP(w, r)
			return
		}
		s.lock.Lock()
		user := s.user
		s.lock.Unlock()
		if user == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"user": user, "name": name, "email": email})
	}), lines), d, t}
	h.enrol("alice")
	thief := h.Browser()
	thief.Get("/")
	h.in(thief, "alice")
	for _, p := range []string{"/page", "/two-factor/challenge", "/two-factor/help", "/two-factor/", "/two-factor/setup"} {
		got := thief.Get(p)

		for _, secret := range []string{name, email} {
			if strings.Contains(got.Body, secret) {
				t.Errorf("%s (%d) shows %q to who owes the code", p, got.Status, secret)
			}
		}
	}
}
