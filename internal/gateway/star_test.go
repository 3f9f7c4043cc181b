package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestAttack_Asterisk: a request for `*` is sent cookies of every path. One that no whoami is
// sent can't be asked about, there either.
func TestAttack_Asterisk(t *testing.T) {
	attack(t, "GET *", func(t *testing.T) {
		w := newWorld(t, nil)
		signedIn := func(r *http.Request) string {
			c, err := r.Cookie("BLOG")
			if err != nil {
				return ""
			}
			return c.Value
		}
		w.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
			rw.Header().Add("Set-Cookie", "BLOG="+r.FormValue("token")+"; Path=/blog")
			return nil
		}
		w.shop.pages["/blog"] = func(rw http.ResponseWriter, r *http.Request) error {
			_, err := io.WriteString(rw, "page "+secret(signedIn(r)))
			return err
		}
		w.shop.pages["*"] = w.shop.pages["/blog"]
		v := w.visitor()
		v.send("GET /page", "Sec-Fetch-Mode: navigate")
		v.send("GET /enter?token=alice")
		for _, path := range []string{"/blog", "*"} {
			f := v.send("GET " + path)
			v.never(path, f)
			if f.code() == http.StatusOK && strings.Contains(f.text(), "page") {
				t.Logf("%s: %s", path, f.text())
			}
		}
	})
}
