package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/store"
)

// failingOnce is a store that fails the first time that alice's record is read.
type failingOnce struct {
	*memory
	failed *bool
}

func (s failingOnce) User(ctx context.Context, key store.UserKey) (store.User, error) {
	if key.ID == "alice" && !*s.failed {
		*s.failed = true
		return store.User{}, errors.New("the store is busy")
	}
	return s.memory.User(ctx, key)
}

// TestAttack_StoreFailsAfterLink: an undeclared link signs alice in within the session of an own
// account and changes a cookie, so that its response is checked; the store fails meanwhile. What was
// known before the link is not believed any longer, as where whoami fails.
func TestAttack_StoreFailsAfterLink(t *testing.T) {
	attack(t, "link", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) {
			o.Store = failingOnce{o.Store.(*memory), new(bool)}
			o.Visits = gateway.NewVisits(o.Store, time.Now)
		})
		w.shop.pages["/magic"] = func(rw http.ResponseWriter, r *http.Request) error {
			w.shop.commit(r, w.shop.begin(rw, r), "alice")
			rw.Header().Add("Set-Cookie", "LAST=1; Path=/")
			_, err := io.WriteString(rw, "welcome "+secret("alice"))
			return err
		}
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		v.send("GET /page")
		v.never("the link", v.send("GET /magic?token=alice"))
		for i := range 5 {
			time.Sleep(time.Second)
			v.never(fmt.Sprint("a page after ", i+1, " s"), v.send("GET /page"))
		}
	})
}
