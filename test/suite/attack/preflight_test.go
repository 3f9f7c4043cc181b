package attack

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// anyMethod is a portal for a single-page application, as a script without a router is one: it does not look at the
// method, and takes its parameters from the query and from forms ($_REQUEST in PHP).
func anyMethod(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/api/token":
		user := r.FormValue("username")
		if r.FormValue("password") != "pw-"+user || user == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"access_token": "TOKEN-of-" + user})
	case "/api/me":
		user, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer TOKEN-of-")
		if !ok {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, `{"user":{"id":%q}}`, user)
	default:
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<p>hello</p>")
	}
}

// TestAttack_TokenByOptions: a user who owes a code asks for a token by OPTIONS.
func TestAttack_TokenByOptions(t *testing.T) {
	for _, fields := range []string{"", "\nusername username\npassword password"} {
		h := harness.Start(t, http.HandlerFunc(anyMethod), `credential header Authorization
whoami /api/me {
	anonymous status 401
	user json user.id
}
require always
sign_in /api/token {
	token json access_token`+fields+`
}`)
		for _, method := range []string{"GET", "POST", "HEAD", "PUT", "PROPFIND", "OPTIONS"} {
			b := h.Browser()
			p := b.Fetch(method, "/api/token?username=alice&password=pw-alice", "", "")
			t.Log(method, p.Status, p.Body)
			if strings.Contains(p.Body, "TOKEN-of-alice") {
				t.Errorf("LEAK by %s: %s", method, p.Body)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}
