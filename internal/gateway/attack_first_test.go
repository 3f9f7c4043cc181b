package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestAttack_L1_FirstStreamSavesStaleSession: as TestAttack_G3_StreamSavesStaleSession, where
// the stream is the first request of all and begins the visit.
func TestAttack_L1_FirstStreamSavesStaleSession(t *testing.T) {
	for _, typ := range []string{"text/event-stream", "text/plain"} {
		for name, headers := range map[string][]string{"ordinary headers": nil, "an unusual header": {"X-Client: web"}} {
			for _, declared := range []bool{true, false} {
				attack(t, fmt.Sprint(typ, ", ", name, ", declared ", declared), func(t *testing.T) {
					w := newWorld(t, func(o *gateway.Options) {
						if declared {
							o.Rules.SignIn, o.Rules.Fields = paths{"/enter"}, []string{"user"}
						}
					})
					end := make(chan bool)
					w.shop.pages["/events"] = func(rw http.ResponseWriter, r *http.Request) error {
						id := w.shop.begin(rw, r)
						rw.Header().Set("Content-Type", typ)
						_, _ = io.WriteString(rw, "data: one\n\n")
						_ = http.NewResponseController(rw).Flush()
						<-end
						w.shop.commit(r, id, "")
						return nil
					}
					w.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
						w.shop.commit(r, w.shop.begin(rw, r), "alice")
						_, err := io.WriteString(rw, secret("alice"))
						time.Sleep(time.Second)
						return err
					}
					v := w.visitor()
					f := v.start(t.Context(), "GET /events", headers...)
					time.Sleep(25 * time.Second)
					synctest.Wait()
					if f.code() != 200 {
						t.Fatal(f.text())
					}
					v.take(f)
					post := v.start(t.Context(), "POST /enter user=alice")
					time.Sleep(500 * time.Millisecond)
					close(end)
					<-f.done
					<-post.done
					v.never("the sign-in", post)
				})
			}
		}
	}
}
