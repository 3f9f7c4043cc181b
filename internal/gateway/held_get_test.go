package gateway_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// heldEnd is the body of a GET over HTTP/2 that has none. The client says so only after a while.
type heldEnd struct{ until time.Duration }

func (h heldEnd) Read([]byte) (int, error) { time.Sleep(h.until); return 0, io.EOF }
func (heldEnd) Close() error               { return nil }

// TestHeldGet: a client holds back the end of a GET until the answer about it has expired. The
// request is asked about again.
func TestHeldGet(t *testing.T) {
	for name, want := range map[string]struct {
		held      time.Duration
		questions int
	}{"at once": {0, 0}, "past recheck": {5 * time.Second, 1}} {
		attack(t, name, func(t *testing.T) {
			w := newWorld(t, nil)
			v := w.visitor()
			v.send("GET /page")
			v.signIn("bob")
			time.Sleep(10 * time.Second)
			v.send("GET /page") // asks
			time.Sleep(time.Minute - 2*time.Second)
			f := &flight{done: make(chan struct{}), header: make(http.Header)}
			n := w.shop.questions(func() {
				r := httptest.NewRequest(http.MethodGet, "/page", heldEnd{want.held})
				r.ProtoMajor, r.ContentLength = 2, -1
				r.Header.Set("Sec-Fetch-Mode", "cors")
				for _, c := range v.cookies {
					r.AddCookie(c)
				}
				f.serve(w, r, gateway.Client{Address: v.address, URL: r.URL})
			})
			if n != want.questions || f.code() != http.StatusOK {
				t.Errorf("%d questions, want %d: %s", n, want.questions, f.text())
			}
		})
	}
}
