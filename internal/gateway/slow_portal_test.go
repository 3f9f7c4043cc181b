package gateway_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/portal"
)

// TestAsk_SlowPortalIsGivenUp: a portal does not answer a question. The question ends at its
// deadline, and the customer gets 503.
func TestAsk_SlowPortalIsGivenUp(t *testing.T) {
	attack(t, "whoami hangs", func(t *testing.T) {
		w := newWorld(t, func(*gateway.Options) {})
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(2 * time.Minute) // what was known of bob is too old
		w.shop.pages["/me"] = func(_ http.ResponseWriter, r *http.Request) error {
			<-r.Context().Done()
			return r.Context().Err()
		}
		began := time.Now()
		f := v.send("GET /page")
		if took := time.Since(began); f.status != http.StatusServiceUnavailable || took != portal.AskDeadline {
			t.Errorf("%d after %v", f.status, took)
		}
	})
}
