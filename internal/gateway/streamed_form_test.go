package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestStreamedForm_Stranger: a stranger's form, which is no declared sign-in, is answered with an event
// stream of ten seconds, as a chat for guests is. The answer arrives, at its end at the latest.
func TestStreamedForm_Stranger(t *testing.T) {
	attack(t, "chat", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) {
			o.Rules.SignIn, o.Rules.Fields = paths{"/enter"}, []string{"user"}
		})
		w.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
		w.shop.pages["/chat"] = func(rw http.ResponseWriter, r *http.Request) error {
			rw.Header().Set("Content-Type", "text/event-stream")
			for range 10 {
				if _, err := io.WriteString(rw, "data: word\n\n"); err != nil {
					return err
				}
				time.Sleep(time.Second)
			}
			return nil
		}
		v := w.visitor()
		v.send("GET /page", "Sec-Fetch-Mode: navigate")
		v.send("GET /cart")
		time.Sleep(5 * time.Second)
		if f := v.send("POST /chat q=1", "Accept: text/event-stream"); f.code() != http.StatusOK || strings.Count(f.text(), "word") != 10 {
			t.Errorf("a guest's chat: %s", f.text())
		}
	})
}
