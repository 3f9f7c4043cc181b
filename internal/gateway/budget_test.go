package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/gateway/spool"
)

// TestAttack_NetworkUsesUpBudget: what is kept is bounded for one address, so that no client
// uses it up for all. A client with IPv6 has as many addresses as it likes.
func TestAttack_NetworkUsesUpBudget(t *testing.T) {
	for _, format := range []string{"192.0.2.66", "2001:db8::%d"} {
		attack(t, format, func(t *testing.T) {
			// The proportions are those of spool.NewBudget.
			w := newWorld(t, func(o *gateway.Options) {
				o.Visits.Bodies = &spool.Budget{Memory: 4 << 20, Disk: 128 << 20, AddressMemory: 1 << 20, AddressDisk: 32 << 20}
			})
			w.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
				w.shop.commit(r, w.shop.begin(rw, r), r.FormValue("user"))
				_, err := io.WriteString(rw, "welcome"+strings.Repeat(" ", 100<<10))
				return err
			}
			w.shop.pages["/hold"] = func(rw http.ResponseWriter, r *http.Request) error {
				w.shop.begin(rw, r)
				_, _ = io.WriteString(rw, strings.Repeat("x", 84<<10))
				time.Sleep(30 * time.Second)
				return nil
			}
			for i := range 300 {
				v := w.visitor()
				v.address = strings.Split(fmt.Sprintf(format, i), "%!")[0]
				v.start(t.Context(), "POST /hold a=b")
			}
			synctest.Wait()
			owner := w.visitor()
			owner.send("GET /page")
			if f := owner.send("POST /enter user=bob"); f.code() != http.StatusOK {
				t.Errorf("the owner signs in: %.200s", f.text())
			}
			time.Sleep(time.Minute)
		})
	}
}
