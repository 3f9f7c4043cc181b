package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestAttack_Held_FixedVisit: an attacker used the browser before bob did, or planted the visit's cookie
// (without HTTPS), and knows the visit's token: nothing else. What a question about an asset sets waits
// for the visit's next page; that is no session for a client that has the token.
func TestAttack_Held_FixedVisit(t *testing.T) {
	attack(t, "token alone", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.renewing("/me", "/page") // as Laravel does with every response
		browser := w.visitor()
		browser.send("GET /page", "Sec-Fetch-Mode: navigate")
		thief := browser.copy()
		browser.signIn("bob")
		time.Sleep(5 * time.Second)
		browser.send("GET /page")
		time.Sleep(2 * time.Minute)
		browser.send("GET /style.css") // by a script of the page
		if f := thief.send("GET /page"); strings.Contains(f.text(), secret("bob")) {
			t.Errorf("with the visit's token alone: %s", f.text())
		}
	})
}

// TestAttack_Held_CrossSitePost: a form of another site, sent in a window of its own, comes with the
// visit's cookie (SameSite=None) and without the portal's (SameSite=Lax): at the portal it would be a
// stranger's. What waits for the visit's next page does not make it the user's.
func TestAttack_Held_CrossSitePost(t *testing.T) {
	for _, way := range []string{"asset", "event stream"} {
		attack(t, way, func(t *testing.T) {
			e := newEndings(t, nil)
			e.shop.renewing("/me", "/page")
			e.shop.pages["/events"] = func(rw http.ResponseWriter, r *http.Request) error {
				rw.Header().Set("Content-Type", "text/event-stream")
				_, err := io.WriteString(rw, "data: hello\n\n")
				<-r.Context().Done()
				return err
			}
			e.shop.pages["/transfer"] = func(rw http.ResponseWriter, r *http.Request) error {
				if user := e.shop.user(r); user != "" {
					t.Errorf("carried out as %s", user)
				}
				return nil
			}
			browser := e.visitor()
			browser.send("GET /page", "Sec-Fetch-Mode: navigate")
			browser.signIn("alice")
			e.clear(browser, "alice") // she gives a code
			time.Sleep(5 * time.Second)
			e.wantPage("with a code", browser, "alice")
			if way == "event stream" {
				browser.open("GET /events")
			}
			time.Sleep(2 * time.Minute)
			if e.g.Visits.Tunnels.AskDue(time.Now()); way == "asset" {
				browser.send("GET /style.css") // by a script of the page
			}
			synctest.Wait()
			evil := browser.copy()
			evil.address, evil.cookies = browser.address, evil.cookies[:1]
			evil.send("POST /transfer to=mallory", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Origin: https://evil.example")
		})
	}
}
