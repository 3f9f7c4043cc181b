package gatewayrules

import (
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestRotate_SlowPageBringsNoOldToken: a portal's cookies outlive the browser (Laravel, Django
// with a life time), and it sets one with each response. A slow page was asked for before the
// code was given; its response comes after it. The user stays signed in.
func TestRotate_SlowPageBringsNoOldToken(t *testing.T) {
	for _, when := range []string{"before the sign-in", "when signed in"} {
		t.Run(when, func(t *testing.T) {
			end, here := make(chan bool), make(chan bool, 1)
			var n atomic.Int32
			l := &harness.Legacy{CookieAttributes: "; Path=/; Max-Age=7200", Before: func(_ *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != "/slow" {
					return false
				}
				here <- true
				<-end
				w.Header().Add("Set-Cookie", fmt.Sprintf("seen=%d; Path=/; Max-Age=7200", n.Add(1)))
				return true
			}}
			h := harness.Start(t, l, harness.LegacyLines)
			b, device := enrolled(t, h, "alice")
			if when == "before the sign-in" {
				b = h.Browser()
				b.Get("/")
			} else {
				b.Pass(device.Code(t))
				time.Sleep(300 * time.Millisecond)
				if page := b.Get("/account"); page.Status != http.StatusOK {
					t.Fatalf("before: %d", page.Status)
				}
			}
			done := make(chan *harness.Page)
			r := b.Request(http.MethodGet, "/slow", nil)
			r.Header.Set("Sec-Fetch-Mode", "cors")
			r.Header.Set("Sec-Fetch-Dest", "empty")
			go func() {
				page, err := b.Try(r)
				if err != nil {
					t.Error(err)
				}
				done <- page
			}()
			<-here
			if when == "before the sign-in" {
				b.SignIn("alice")
				b.Pass(device.Code(t))
			} else if page := b.Post("/two-factor/", url.Values{"action": {"end-others"}}); page.Status != http.StatusSeeOther {
				t.Fatalf("sign out everywhere else: %d", page.Status)
			}
			if page := b.Get("/account"); page.Status != http.StatusOK {
				t.Fatalf("with the code: %d %s", page.Status, page.Location)
			}
			before := b.Cookies("/")["sg"]
			close(end)
			page := <-done
			t.Logf("slow: %d %q", page.Status, page.Header["Set-Cookie"])
			if b.Cookies("/")["sg"] != before {
				t.Errorf("the browser has another token")
			}
			for page = b.Get("/account"); page.Status == http.StatusTemporaryRedirect; page = b.Get("/account") {
			}
			if page.Header.Get("X-Portal-User") != "alice" {
				t.Errorf("after the slow page: %d %s, as %q", page.Status, page.Location, page.Header.Get("X-Portal-User"))
			}
		})
	}
}
