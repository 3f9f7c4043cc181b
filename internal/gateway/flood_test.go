package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/session"
)

// TestAttack_L18_FloodOfVisits: a portal gives the session another name whenever it is asked.
// The new name waits in memory for bob's next page, since the response of a style sheet got no
// cookies. A stranger who sends thousands of made-up visits must not make the gate forget it.
func TestAttack_L18_FloodOfVisits(t *testing.T) {
	for _, visits := range []int{100, 40000} {
		attack(t, fmt.Sprint(visits), func(t *testing.T) {
			w := newWorld(t, nil)
			w.shop.pages["/me"] = func(rw http.ResponseWriter, r *http.Request) error {
				old, user := w.shop.id(r), w.shop.user(r)
				if user == "" {
					rw.WriteHeader(http.StatusUnauthorized)
					return nil
				}
				w.shop.mu.Lock()
				w.shop.begun++
				id := fmt.Sprint("renewed", w.shop.begun)
				delete(w.shop.users, old)
				w.shop.users[id] = user
				w.shop.mu.Unlock()
				rw.Header().Add("Set-Cookie", "SID="+id+"; Path=/")
				return json.NewEncoder(rw).Encode(map[string]string{"user": user})
			}
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			v.send("GET /page")
			time.Sleep(2 * time.Minute)
			v.send("GET /style.css")
			stranger := w.visitor()
			stranger.address = "198.51.100.1"
			for range visits {
				time.Sleep(100 * time.Microsecond)
				stranger.cookies = []*http.Cookie{{Name: portal.NamesFor("shop", false).Visit, Value: string(session.NewToken())}}
				stranger.send("GET /x.css")
			}
			if f := v.send("GET /page"); !strings.Contains(f.text(), secret("bob")) {
				t.Errorf("bob's session is lost: %s", f.text())
			}
		})
	}
}
