package attack

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/house"
)

// TestAttackA_OneSessionInTwoVisits: a portal that hands its session on to another browser ("go on at your phone"), so that
// two visits have one session. A sign-in in one is noticed in the other only when its answer runs out.
func TestAttackA_OneSessionInTwoVisits(t *testing.T) {
	var mu sync.Mutex
	codes := map[string]string{}
	portal := &house.Legacy{Before: func(_ *house.Legacy, w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		c, err := r.Cookie("PHPSESSID")
		switch {
		case r.URL.Path == "/hand-on" && err == nil:
			codes["4711"] = c.Value
			_, _ = w.Write([]byte("open /go-on?code=4711"))
			return true
		case r.URL.Path == "/go-on":
			w.Header().Set("Set-Cookie", "PHPSESSID="+codes[r.URL.Query().Get("code")]+"; Path=/; HttpOnly")
			http.Redirect(w, r, "/account", http.StatusFound)
			return true
		}
		return false
	}}
	h := house.Start(t, portal, house.LegacyLines)
	enrolled(h, "alice")
	one, two := h.Browser(), h.Browser()
	one.SignInAndGo("carol")
	one.Get("/hand-on")
	two.Get("/go-on?code=4711")
	time.Sleep(200 * time.Millisecond)
	if !shown(one, "carol") || !shown(two, "carol") {
		t.Fatal("not handed on")
	}
	time.Sleep(300 * time.Millisecond)
	two.Get("/account")
	p := one.Post("/login", url.Values{"user": {"alice"}, "password": {"pw-alice"}})
	t.Log(p.Status, p.Location)
	p = two.Get("/account")
	t.Log("the other:", p.Status, p.Location, p.Body)
	if strings.Contains(p.Body, house.SecretOf("alice")) {
		t.Errorf("LEAK: %s", p.Body)
	}
	p = two.Post("/transfer", url.Values{"amount": {"10"}})
	t.Log("a form:", p.Status, p.Location)
}
