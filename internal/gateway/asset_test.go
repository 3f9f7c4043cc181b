package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/portal"
)

// TestAsset_UnsettledVisit: after a form, an asset that everybody gets costs no question and
// has nothing of the user; one that not everybody gets comes as ever, and is asked about.
func TestAsset_UnsettledVisit(t *testing.T) {
	for name, c := range map[string]struct {
		header, value string
		status        int
		own           bool
	}{
		"everybody's":    {"Cache-Control", "public, max-age=60", 200, false},
		"of no age":      {"ETag", `"1"`, 200, false},
		"private":        {"Cache-Control", "max-age=60, private", 200, true},
		"of no-store":    {"Cache-Control", "No-Store", 200, true},
		"by cookie":      {"Vary", "Accept-Encoding, Cookie", 200, true},
		"sets a cookie":  {"Set-Cookie", "seen=1; Path=/", 200, true},
		"no stranger's":  {"Cache-Control", "public", 403, true},
		"no asset":       {"Content-Type", "text/html", 200, true},
		"says who it is": {"Content-Type", "application/json", 200, true},
	} {
		attack(t, name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.shop.pages["/a.css"] = func(rw http.ResponseWriter, r *http.Request) error {
				rw.Header().Set("Content-Type", "text/css")
				rw.Header().Set(c.header, c.value)
				if c.status != 200 && w.shop.user(r) == "" {
					rw.WriteHeader(c.status)
				}
				_, err := io.WriteString(rw, secret(w.shop.user(r)))
				return err
			}
			v := w.visitor()
			v.signIn("bob")
			v.send("GET /page")
			v.send("POST /form a=b")
			var f *flight
			n := w.shop.questions(func() { f = v.send("GET /a.css", "Sec-Fetch-Mode: no-cors") })
			want := map[bool]string{true: secret("bob"), false: secret("")}[c.own]
			if f.code() != 200 || !strings.Contains(f.text(), want) || n > 0 != c.own {
				t.Errorf("after %d questions: %d %s, want %s", n, f.code(), f.text(), want)
			}
			time.Sleep(3 * time.Second)
			v.send("GET /page")
			if f = v.send("GET /a.css", "Sec-Fetch-Mode: no-cors"); !strings.Contains(f.text(), secret("bob")) {
				t.Errorf("in a settled visit: %s", f.text())
			}
		})
	}
}

// TestAsset_NothingLeftOfTheUser: the request without credentials has no cookie of the
// portal and no header by which it knows users.
func TestAsset_NothingLeftOfTheUser(t *testing.T) {
	attack(t, "asset", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) {
			o.Headers = portal.NewHeaders([]string{"X-Key"})
			o.Asker.Headers = o.Headers
		})
		var got []http.Header
		w.shop.pages["/a.css"] = func(rw http.ResponseWriter, r *http.Request) error {
			got = append(got, r.Header.Clone())
			rw.Header().Set("Content-Type", "text/css")
			return nil
		}
		v := w.visitor()
		v.signIn("bob")
		v.send("GET /page")
		v.send("POST /form a=b")
		v.send("GET /a.css", "Sec-Fetch-Mode: no-cors", "Range: bytes=0-1")
		if len(got) != 1 || got[0].Get("Cookie") == "" {
			t.Error("a part of an asset was asked for without credentials")
		}
		got = nil
		v.send("GET /a.css", "Sec-Fetch-Mode: no-cors", "X-Key: bob")
		if len(got) != 1 || got[0].Get("Cookie") != "" || got[0].Get("X-Key") != "" {
			t.Errorf("the portal got %d requests, the first %v", len(got), got[0])
		}
	})
}
