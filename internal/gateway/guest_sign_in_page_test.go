package gateway_test

import (
	"net/http"
	"testing"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestGuest_SignInPageWithQuery: `guest` does not open the page with the sign-in form, which has a query. A
// stranger is refused there, as without a query, and not redirected to the same address.
func TestGuest_SignInPageWithQuery(t *testing.T) {
	page := "/index.php?route=login"
	attack(t, page, func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) {
			withPages(t, o)
			o.Rules.Guest, o.Rules.Forms, o.Rules.SignInPage = paths{"/news"}, []string{page}, page
		})
		v := w.visitor()
		f := v.send("GET "+page, "Sec-Fetch-Mode: navigate")
		if to := f.sent.Get("Location"); f.code() == http.StatusSeeOther && to == page {
			t.Errorf("%s is redirected to itself", page)
		}
	})
}
