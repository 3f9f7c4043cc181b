package attack

import (
	"bufio"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/house"
)

// TestAttackA_StreamOverEnrolment: a long response that is no event stream, opened before the owner enrolled,
// goes on afterwards.
func TestAttackA_StreamOverEnrolment(t *testing.T) {
	for _, kind := range []string{"text/event-stream", "application/x-ndjson", "multipart/x-mixed-replace; boundary=x", "text/html"} {
		for _, lines := range []string{"", "\nrotates"} {
			t.Run(kind+strings.TrimSpace(lines), func(t *testing.T) {
				tick := 0
				portal := &house.Legacy{Before: func(l *house.Legacy, w http.ResponseWriter, r *http.Request) bool {
					if r.URL.Path != "/feed" {
						return false
					}
					w.Header().Set("Content-Type", kind)
					for range 120 {
						c, _ := r.Cookie("PHPSESSID")
						again, _ := http.NewRequest(http.MethodGet, "/account", nil)
						if c != nil {
							again.AddCookie(c)
						}
						m := new(memo).ready()
						l.ServeHTTP(m, again)
						tick++
						if _, err := fmt.Fprintf(w, "tick %d %s\n", tick, m.b.String()); err != nil {
							return true
						}
						w.(http.Flusher).Flush()
						select {
						case <-r.Context().Done():
							return true
						case <-time.After(250 * time.Millisecond):
						}
					}
					return true
				}}
				h := house.Start(t, portal, house.LegacyLines+lines)
				thief := h.Browser()
				thief.SignInAndGo("alice")
				time.Sleep(200 * time.Millisecond)
				res, err := thief.Client.Do(thief.Request(http.MethodGet, "/feed", nil))
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				got := make(chan string, 1000)
				go func() {
					defer close(got)
					s := bufio.NewScanner(res.Body)
					for s.Scan() {
						got <- s.Text()
					}
				}()
				first := <-got
				if !strings.Contains(first, house.SecretOf("alice")) {
					t.Fatalf("the feed shows nothing: %q", first)
				}
				owner := h.Browser()
				owner.SignIn("alice")
				owner.Enrol()
				if os.Getenv("LOOK") != "" && shown(thief, "alice") {
					t.Fatal("the thief still sees the account")
				}
				drain := time.After(time.Second)
			drained:
				for {
					select {
					case _, ok := <-got:
						if !ok {
							return
						}
					case <-drain:
						break drained
					}
				}
				n := 0
				until := time.After(5 * time.Second)
				for {
					select {
					case line, ok := <-got:
						if !ok {
							t.Logf("ended after %d lines", n)
							if n > 0 {
								t.Errorf("LEAK: %d lines", n)
							}
							return
						}
						if strings.Contains(line, house.SecretOf("alice")) {
							n++
						}
						continue
					case <-until:
					}
					break
				}
				if n > 0 {
					t.Errorf("LEAK: %d lines with alice's secret, beginning one second after she enrolled, and the feed goes on", n)
				}
			})
		}
	}
}

// TestAttackA_TurnedOff: J8, what the other browser still has after turning off.
func TestAttackA_TurnedOff(t *testing.T) {
	h := house.Start(t, &house.Legacy{Rotate: true}, house.LegacyLines)
	d := enrolled(h, "alice")
	other, owner := cleared(t, h, "alice", d), cleared(t, h, "alice", d)
	p := owner.Post("/two-factor/disable", url.Values{"code": {d.Code(t)}})
	t.Log(p.Status, p.Location, "other browser still signed in:", shown(other, "alice"))
}
