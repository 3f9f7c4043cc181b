package gateway_test

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestAttack_L4_RecheckZero: with `recheck 0`, which asks with every request, a tunnel in
// which a user is signed in is not asked about less than with the default.
func TestAttack_L4_RecheckZero(t *testing.T) {
	for name, recheck := range map[string]time.Duration{"default": time.Minute, "0": 0} {
		attack(t, name, func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) { o.Recheck = recheck })
			w.shop.pages["/socket"] = func(rw http.ResponseWriter, r *http.Request) error {
				rw.WriteHeader(http.StatusSwitchingProtocols)
				c, _, err := http.NewResponseController(rw).Hijack()
				if err != nil {
					return err
				}
				go func() {
					buf := make([]byte, 64)
					if n, _ := c.Read(buf); n > 0 {
						w.shop.commit(r, w.shop.id(r), "alice")
					}
				}()
				for r.Context().Err() == nil {
					time.Sleep(time.Second)
					if _, err := io.WriteString(c, "news for "+secret(w.shop.user(r))+"\n"); err != nil {
						return err
					}
				}
				return nil
			}
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			ctx := t.Context()
			f := v.start(ctx, "GET /socket", "Upgrade: websocket", "Connection: Upgrade")
			time.Sleep(3 * time.Second)
			synctest.Wait()
			if _, err := io.WriteString(f.tunnel, "login alice"); err != nil {
				t.Fatal(err)
			}
			for range 24 { // as visits.Table.Run does
				time.Sleep(5 * time.Second)
				w.g.Visits.Tunnels.AskDue(time.Now())
			}
			synctest.Wait()
			before := len(f.text())
			time.Sleep(10 * time.Second)
			if len(f.text()) > before {
				t.Error("the tunnel goes on, two minutes after the sign-in")
			}
			f.tunnel.Close()
			<-f.done
		})
	}
}
