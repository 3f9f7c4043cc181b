package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/gateway/spool"
)

// wait is a long beginning of a response.
var wait = "data: " + strings.Repeat("wait ", 40_000) + "\n\n"

// TestAttack_CutOffSignIn: the gate itself cuts off the response to a sign-in in the visit of an
// own account, because a portion of it must not leave or there is no room to keep it. The portal
// goes on and saves the sign-in some seconds later, at its end; the handler behind the gate waits
// for that end, or not. The request was given up.
func TestAttack_CutOffSignIn(t *testing.T) {
	for name, kind := range map[string]string{"stream": "text/event-stream", "no room": "text/html"} {
		for _, waits := range []bool{true, false} {
			attack(t, fmt.Sprint(name, " waits ", waits), func(t *testing.T) {
				w := newWorld(t, func(o *gateway.Options) {
					o.Rules.SignIn, o.Rules.Fields = paths{"/enter"}, []string{"user"}
					o.Visits.Uploads = &spool.Budget{Memory: 1 << 10, AddressMemory: 1 << 10}
				})
				w.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
					id := w.shop.begin(rw, r)
					rw.Header().Set("Content-Type", kind)
					time.AfterFunc(6*time.Second, func() { w.shop.commit(r, id, "alice") })
					_, err := io.WriteString(rw, wait)
					if waits {
						time.Sleep(20 * time.Second)
						return err
					}
					<-r.Context().Done()
					return errCut
				}
				v := w.visitor()
				v.signIn("bob")
				time.Sleep(5 * time.Second)
				post := v.start(t.Context(), "POST /enter user=alice")
				for i := range 10 {
					time.Sleep(time.Second)
					v.never(fmt.Sprint("a page after ", i+1, " s"), v.send("GET /page"))
				}
				<-post.done
				v.never("the sign-in", post)
			})
		}
	}
}

// TestAttack_CutOffLink: likewise the response to an undeclared link, of which a portion must not
// leave because its answer is anonymous.
func TestAttack_CutOffLink(t *testing.T) {
	attack(t, "link", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/magic"] = func(rw http.ResponseWriter, r *http.Request) error {
			id := w.shop.id(r)
			w.shop.commit(r, id, "")
			rw.Header().Add("Set-Cookie", "LAST=1; Path=/")
			_, _ = io.WriteString(rw, wait)
			<-r.Context().Done()
			w.shop.commit(r, id, "bob")
			time.AfterFunc(6*time.Second, func() { w.shop.commit(r, id, "alice") })
			return errCut
		}
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		v.send("GET /page")
		link := v.start(t.Context(), "GET /magic")
		<-link.done
		for i := range 10 {
			time.Sleep(time.Second)
			v.never(fmt.Sprint("a page after ", i+1, " s"), v.send("GET /page"))
		}
		v.never("the link", link)
	})
}
