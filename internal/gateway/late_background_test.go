package gateway_test

import (
	"net/http"
	"testing"
	"time"
)

// TestLateBackgroundRequest: a slow request in the background starts no visit in place of one that
// began meanwhile.
//  1. bob, who has passed, is signed out: the visit's token is revoked.
//  2. A picture is asked for with the cookies from before; the portal takes its time,
//     and begins a stranger's session for it.
//  3. bob signs in again: the browser has a new session under the same cookie names.
//  4. The picture arrives. bob is still signed in.
func TestLateBackgroundRequest(t *testing.T) {
	attack(t, "a slow picture", func(t *testing.T) {
		e := newEndings(t, nil)
		e.shop.pages["/slow"] = func(rw http.ResponseWriter, r *http.Request) error {
			time.Sleep(20 * time.Second)
			e.shop.begin(rw, r)
			rw.Header().Set("Content-Type", "image/gif")
			return nil
		}
		v := e.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		e.wantPage("before", v, "bob")
		e.clear(v, "bob")
		e.endAll("bob")
		slow := v.start(t.Context(), "GET /slow", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image")
		time.Sleep(time.Second)
		v.send("GET /page", "Sec-Fetch-Mode: navigate")
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		e.wantPage("after the sign-in", v, "bob")
		<-slow.done
		v.take(slow)
		e.wantPage("after the picture", v, "bob")
	})
}
