package gateway_test

import (
	"io"
	"net/http"
	"testing"
	"time"
)

// TestOtherCookieOlderThanTheEnd: a browser has another cookie from before the end of all
// sessions when its user signs in anew: the new session holds.
func TestOtherCookieOlderThanTheEnd(t *testing.T) {
	attack(t, "signed in anew", func(t *testing.T) {
		e := newEndings(t, nil)
		e.shop.pages["/lang"] = func(rw http.ResponseWriter, r *http.Request) error {
			rw.Header().Add("Set-Cookie", "LANG=de; Path=/")
			_, err := io.WriteString(rw, "ok")
			return err
		}
		other := e.visitor()
		other.signIn("bob")
		v := e.visitor()
		v.send("GET /lang")
		time.Sleep(5 * time.Second)
		e.endAll("bob")
		time.Sleep(5 * time.Second)
		v.signIn("bob")
		e.wantPage("signed in", v, "bob")
		time.Sleep(5 * time.Second)
		e.wantPage("later", v, "bob")
	})
}
