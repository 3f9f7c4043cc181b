package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestAttack_TrailerAfterTheEnd: the clearance that a response is released on ends between its last
// byte and its trailers. They are a part of what is withheld.
func TestAttack_TrailerAfterTheEnd(t *testing.T) {
	for _, rest := range []string{"body", "trailer"} {
		attack(t, rest, func(t *testing.T) {
			e := newEndings(t, nil)
			end := make(chan bool)
			e.shop.pages["/report"] = func(rw http.ResponseWriter, r *http.Request) error {
				_, _ = io.WriteString(rw, "begun")
				<-end
				if rest == "body" {
					_, err := io.WriteString(rw, secret("alice"))
					return err
				}
				rw.Header().Set(http.TrailerPrefix+"X-Sum", secret("alice"))
				return nil
			}
			v := e.visitor()
			v.send("GET /page", "Sec-Fetch-Mode: navigate")
			v.signIn("alice")
			e.clear(v, "alice")
			time.Sleep(5 * time.Second)
			e.wantPage("with a code", v, "alice")
			f := v.start(t.Context(), "GET /report")
			synctest.Wait()
			if !strings.Contains(f.text(), "begun") {
				t.Fatalf("the beginning: %s", f.text())
			}
			e.endAll("alice")
			time.Sleep(5 * time.Second)
			end <- true
			<-f.done
			v.never("the end", f)
			if got := f.header.Get(http.TrailerPrefix + "X-Sum"); got != "" && !f.aborted {
				t.Errorf("a trailer went out: %s", got)
			}
		})
	}
}
