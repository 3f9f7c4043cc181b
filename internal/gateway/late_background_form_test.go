package gateway_test

import (
	"net/http"
	"testing"
	"time"
)

// TestLateBackgroundForm is TestLateBackgroundRequest with a script's POST, as a page's
// heartbeat is: it must not start a visit in place of one that began meanwhile.
func TestLateBackgroundForm(t *testing.T) {
	attack(t, "a slow heartbeat", func(t *testing.T) {
		e := newEndings(t, nil)
		e.shop.pages["/slow"] = func(rw http.ResponseWriter, r *http.Request) error {
			time.Sleep(20 * time.Second)
			e.shop.begin(rw, r)
			return nil
		}
		v := e.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		e.wantPage("before", v, "bob")
		e.clear(v, "bob")
		e.endAll("bob")
		slow := v.start(t.Context(), "POST /slow beat=1", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty", "Sec-Fetch-Site: same-origin")
		time.Sleep(time.Second)
		v.send("GET /page", "Sec-Fetch-Mode: navigate")
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		e.wantPage("after the sign-in", v, "bob")
		<-slow.done
		v.take(slow)
		e.wantPage("after the heartbeat", v, "bob")
	})
}
