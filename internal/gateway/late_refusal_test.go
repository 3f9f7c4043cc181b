package gateway_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestLate_OwnerIsNotRefused: a sign-in is saved a moment after its response, within settle.
// What the question about that response said is not believed any longer after settle where
// a request is refused by it, or is for an own page: no response tells the gate better.
func TestLate_OwnerIsNotRefused(t *testing.T) {
	for _, tt := range []struct{ name, user, line, header string }{
		{"guest", "bob", "GET /page", "Accept: */*"},
		{"tunnel", "bob", "GET /socket", "Upgrade: websocket"},
		{"own page", "alice", "GET /two-factor/challenge", "Accept: */*"},
	} {
		attack(t, tt.name, func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) {
				withPages(t, o)
				o.Rules.SignIn, o.Rules.Fields = paths{"/enter"}, []string{"user"}
				if tt.name == "guest" {
					o.Rules.Guest = paths{"/enter", "/start"}
				}
			})
			w.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
				id := w.shop.begin(rw, r)
				time.AfterFunc(time.Second, func() { w.shop.commit(r, id, tt.user) })
				_, err := io.WriteString(rw, "welcome")
				return err
			}
			v := w.visitor()
			v.send("GET /start")
			v.send("POST /enter user=" + tt.user)
			v.send(tt.line, tt.header, "Connection: Upgrade")
			time.Sleep(4 * time.Second)
			if f := v.send(tt.line, tt.header, "Connection: Upgrade"); f.code() != http.StatusOK {
				t.Errorf("the owner is refused: %s", f.text())
			}
		})
	}
}
