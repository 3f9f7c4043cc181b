package gateway_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestAttack_SignInPageBesideStream: a stranger's page has an event stream open; its link to
// the page with the sign-in form is clicked. The browser keeps the stream until the new page's
// headers arrive.
func TestAttack_SignInPageBesideStream(t *testing.T) {
	for _, way := range []string{"stream", "long poll"} {
		attack(t, way, func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) {
				o.Rules.SignIn, o.Rules.Fields = paths{"/enter"}, []string{"user"}
			})
			w.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
			w.shop.pages["/events"] = func(rw http.ResponseWriter, r *http.Request) error {
				if way == "stream" {
					rw.Header().Set("Content-Type", "text/event-stream")
					_, _ = io.WriteString(rw, "data: hello\n\n")
				}
				select {
				case <-r.Context().Done():
				case <-time.After(5 * time.Minute):
				}
				return nil
			}
			v := w.visitor()
			v.send("GET /page", "Sec-Fetch-Mode: navigate")
			v.send("GET /cart")
			time.Sleep(5 * time.Second)
			s := v.start(t.Context(), "GET /events", "Accept: text/event-stream")
			time.Sleep(5 * time.Second)
			began := time.Now()
			for n := range 20 {
				f := v.send("GET /enter", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
				if f.code() == http.StatusOK {
					t.Logf("shown after %d redirects, %v", n, time.Since(began))
					<-s.done
					return
				}
			}
			t.Errorf("a browser gives up after 20 redirects to the sign-in's page, %v", time.Since(began))
			<-s.done
		})
	}
}
