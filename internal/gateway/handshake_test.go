package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestAttack_HandshakeSignsIn: a WebSocket of an own account is opened with a token in its address,
// by which the portal signs alice in within the session, as a link does; no frame follows. Ordinary
// pages notice it as they notice what a frame did, and so does a declared address.
func TestAttack_HandshakeSignsIn(t *testing.T) {
	for _, declared := range []bool{false, true} {
		attack(t, fmt.Sprint("declared ", declared), func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) {
				if declared {
					o.Rules.SignIn, o.Rules.LinkSignIn = paths{"/socket"}, paths{"/socket"}
				}
			})
			w.shop.pages["/socket"] = func(rw http.ResponseWriter, r *http.Request) error {
				w.shop.commit(r, w.shop.id(r), "alice")
				id := w.shop.id(r)
				rw.WriteHeader(http.StatusSwitchingProtocols)
				c, _, err := http.NewResponseController(rw).Hijack()
				if err != nil {
					return err
				}
				defer c.Close()
				go func() { <-r.Context().Done(); c.Close() }()
				for {
					time.Sleep(time.Second)
					w.shop.mu.Lock()
					user := w.shop.users[id]
					w.shop.mu.Unlock()
					if _, err := io.WriteString(c, "you are "+secret(user)); err != nil {
						return nil
					}
				}
			}
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			v.send("GET /page")
			f := v.start(t.Context(), "GET /socket?token=alice", "Upgrade: websocket", "Connection: Upgrade")
			for i := range 8 {
				time.Sleep(time.Second)
				v.never(fmt.Sprint("a page after ", i+1, " s"), v.send("GET /page"))
			}
			v.never("the socket", f)
			if f.tunnel != nil {
				f.tunnel.Close()
			}
			<-f.done
		})
	}
}
