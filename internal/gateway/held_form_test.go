package gateway_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestAttack_Held_FormOverClearance: the end of a form is kept back until the clearance has
// expired. The request is decided by the time at which all of it has come.
func TestAttack_Held_FormOverClearance(t *testing.T) {
	attack(t, "form", func(t *testing.T) {
		e := newEndings(t, nil)
		e.shop.pages["/transfer"] = func(_ http.ResponseWriter, r *http.Request) error {
			if user := e.shop.user(r); user != "" {
				t.Errorf("carried out as %s", user)
			}
			return nil
		}
		browser := e.visitor()
		browser.send("GET /page", "Sec-Fetch-Mode: navigate")
		browser.signIn("alice")
		e.clear(browser, "alice")
		e.st.mu.Lock()
		for id, v := range e.st.visits {
			v.Expires = time.Now().Add(10 * time.Second)
			e.st.visits[id] = v
			e.g.Visits.Forget("shop", id)
		}
		e.st.mu.Unlock()
		time.Sleep(5 * time.Second)
		e.wantPage("within the clearance", browser, "alice")
		body, rest := io.Pipe()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/transfer", body)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, c := range browser.cookies {
			r.AddCookie(c)
		}
		asked := *r.URL
		f := &flight{done: make(chan struct{}), header: make(http.Header)}
		go f.serve(e.world, r, gateway.Client{Address: browser.address, URL: &asked})
		if _, err := io.WriteString(rest, "to="); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if _, err := io.WriteString(rest, "mallory"); err != nil {
			t.Fatal(err)
		}
		rest.Close()
		<-f.done
		if f.status == http.StatusOK {
			t.Errorf("forwarded: %s", f.text())
		}
	})
}
