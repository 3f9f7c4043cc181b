package attack

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/house"
)

// rawRequest is a request over HTTP/1.1 with a navigation's headers, as bytes.
func rawRequest(h *house.House, b *house.Browser, method, path, extra string) string {
	text := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, strings.TrimPrefix(h.URL, "http://"))
	for name, values := range b.Request(method, path, nil).Header {
		text += name + ": " + values[0] + "\r\n"
	}
	return text + strings.TrimSuffix(cookieLine(b), "\n") + "\r\n" + extra + "\r\n"
}

// TestAttackA_HeldBodyOverEnrolment: somebody with the password keeps the last byte of a form back until the
// owner has enrolled.
func TestAttackA_HeldBodyOverEnrolment(t *testing.T) {
	for _, lines := range []string{"", "\nrotates"} {
		t.Run(strings.TrimSpace("lines:"+lines), func(t *testing.T) {
			portal := &house.Legacy{Rotate: true}
			h := house.Start(t, portal, house.LegacyLines+lines)
			thief := h.Browser()
			thief.SignInAndGo("alice")
			if !shown(thief, "alice") {
				t.Fatal("nothing is shown to who owes nothing")
			}
			time.Sleep(200 * time.Millisecond)
			c, err := net.Dial("tcp", strings.TrimPrefix(h.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, _ = io.WriteString(c, rawRequest(h, thief, "POST", "/transfer", "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\nConnection: close\r\n")+"amount=1")
			time.Sleep(300 * time.Millisecond)

			owner := h.Browser()
			owner.SignIn("alice")
			owner.Enrol()
			if shown(thief, "alice") {
				t.Fatal("the thief still sees the account")
			}
			_, _ = io.WriteString(c, "0")
			raw, _ := io.ReadAll(bufio.NewReader(c))
			t.Logf("%.600s", raw)
			if strings.Contains(string(raw), house.SecretOf("alice")) {
				t.Error("LEAK: a page of alice's")
			}
			if portal.Last("/transfer") != nil {
				t.Error("the transfer was carried out after alice had enrolled")
			}
		})
	}
}

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

// TestAttackA_HeldBodyOverEnd: a form is kept back at its last byte in a browser that has given its code, until the owner
// ends that session from elsewhere.
func TestAttackA_HeldBodyOverEnd(t *testing.T) {
	for _, lines := range []string{"", "\nrotates"} {
		t.Run(strings.TrimSpace("lines:"+lines), func(t *testing.T) {
			portal := &house.Legacy{Rotate: true}
			h := house.Start(t, portal, house.LegacyLines+lines)
			d := enrolled(h, "alice")
			left := cleared(t, h, "alice", d)
			owner := cleared(t, h, "alice", d)
			if !shown(left, "alice") || !shown(owner, "alice") {
				t.Fatal("not through")
			}
			time.Sleep(200 * time.Millisecond)
			c, err := net.Dial("tcp", strings.TrimPrefix(h.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, _ = io.WriteString(c, rawRequest(h, left, "POST", "/transfer", "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\nConnection: close\r\n")+"amount=1")
			time.Sleep(300 * time.Millisecond)
			page := owner.Get("/two-factor/").Body
			for _, m := range regexp.MustCompile(`name="visit" value="([0-9a-f]+)"`).FindAllStringSubmatch(page, -1) {
				if !strings.Contains(page[strings.Index(page, m[1]):][:200], "this browser") {
					owner.Post("/two-factor/", url.Values{"action": {"end"}, "visit": {m[1]}})
					if !shown(owner, "alice") {
						t.Fatal("ended the wrong one")
					}
					break
				}
			}
			if shown(left, "alice") {
				t.Skip("the other one was not ended")
			}
			_, _ = io.WriteString(c, "0")
			raw, _ := io.ReadAll(bufio.NewReader(c))
			t.Logf("%.200s", raw)
			if strings.Contains(string(raw), house.SecretOf("alice")) {
				t.Error("LEAK: a page of alice's")
			}
			if portal.Last("/transfer") != nil {
				t.Error("the transfer was carried out in a session that had ended")
			}
		})
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
