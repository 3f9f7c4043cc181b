package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestAttack_L19_SlowSignInGivenUp: a sign-in takes the portal some time, as where it waits
// longer after wrong passwords, and goes on when no client waits for it, as PHP does. Its client
// leaves at once.
func TestAttack_L19_SlowSignInGivenUp(t *testing.T) {
	for _, takes := range []time.Duration{20 * time.Second, 45 * time.Second} {
		attack(t, fmt.Sprint(takes), func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) { o.Rules.SignIn = paths{"/slow"} })
			w.shop.pages["/slow"] = func(rw http.ResponseWriter, r *http.Request) error {
				id := w.shop.begin(rw, r)
				go func() { // the process goes on
					time.Sleep(takes)
					w.shop.commit(r, id, "alice")
				}()
				select {
				case <-time.After(takes):
				case <-r.Context().Done():
					return r.Context().Err()
				}
				_, err := io.WriteString(rw, secret("alice"))
				return err
			}
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			ctx, leave := context.WithCancel(t.Context())
			f := v.start(ctx, "POST /slow user=alice")
			synctest.Wait()
			leave()
			for range 60 {
				v.never("a page", v.send("GET /page"))
				time.Sleep(time.Second)
			}
			<-f.done
		})
	}
}
