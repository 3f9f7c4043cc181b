package gateway_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestSlowFirstPage: a browser without any cookies opens two tabs at once. The first one's page takes 30 s
// and sets no cookie (a portal that begins sessions at the sign-in). Meanwhile bob signs in in the second tab. The slow page does
// not sign him out: without the gate it would not.
func TestSlowFirstPage(t *testing.T) {
	attack(t, "two tabs", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) {
			o.Rules.SignIn, o.Rules.Fields = paths{"/login.php"}, []string{"user"}
		})
		w.shop.pages["/slow"] = func(rw http.ResponseWriter, r *http.Request) error {
			time.Sleep(30 * time.Second)
			_, err := io.WriteString(rw, "news")
			return err
		}
		v := w.visitor()
		slow := v.start(t.Context(), "GET /slow", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Sec-Fetch-Site: none")
		time.Sleep(time.Second)
		v.send("GET /page", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Sec-Fetch-Site: none")
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		if f := v.send("GET /page"); f.code() != 200 || withheld(f) {
			t.Fatalf("bob: %s", f.text())
		}
		<-slow.done
		v.take(slow)
		if f := v.send("GET /page"); withheld(f) {
			t.Errorf("bob, after the slow page: %s", f.text())
		}
	})
}
