package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestAttack_UploadOfOwner: a user without a factor, who owes nothing and has been asked about a
// moment ago, uploads 40 MiB: with a header of the program that uploads, and while another form of the
// page is at the portal.
func TestAttack_UploadOfOwner(t *testing.T) {
	for _, way := range []string{"plain", "header", "beside a form", "recheck 0"} {
		attack(t, way, func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) {
				if way == "recheck 0" {
					o.Recheck = 0
				}
			})
			w.shop.pages["/slow"] = func(http.ResponseWriter, *http.Request) error { time.Sleep(5 * time.Second); return nil }
			w.shop.pages["/upload"] = func(_ http.ResponseWriter, r *http.Request) error {
				_, err := io.Copy(io.Discard, r.Body)
				return err
			}
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			v.send("GET /page")
			headers := []string{"Content-Type: application/octet-stream"}
			switch way {
			case "header":
				headers = append(headers, "Tus-Resumable: 1.0.0")
			case "beside a form":
				f := v.start(t.Context(), "POST /slow a=b")
				defer func() { <-f.done }()
				synctest.Wait()
			}
			if f := v.send("POST /upload "+strings.Repeat("x", 40<<20), headers...); f.code() != http.StatusOK {
				t.Errorf("the upload: %s", f.text())
			}
		})
	}
}
