package attack

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// streamer streams the session's current user at /stream, repeatedly.
func streamer() *harness.Legacy {
	p := &harness.Legacy{}
	p.Before = func(l *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/stream" {
			return false
		}
		w.Header().Set("Content-Type", r.FormValue("type"))
		c, _ := r.Cookie("PHPSESSID")
		for i := range 60 {
			ask, _ := http.NewRequest("GET", "http://x/me", nil)
			if c != nil {
				ask.AddCookie(c)
			}
			rec := &memo{h: http.Header{}}
			l.ServeHTTP(rec, ask)
			fmt.Fprintf(w, "data: %d %s\n\n", i, rec.b.String())
			_ = http.NewResponseController(w).Flush()
			time.Sleep(25 * time.Millisecond)
		}
		return true
	}
	return p
}

type memo struct {
	h http.Header
	b strings.Builder
}

func (m *memo) Header() http.Header         { return m.h }
func (m *memo) WriteHeader(int)             {}
func (m *memo) Write(p []byte) (int, error) { return m.b.Write(p) }

// TestAttack_StreamOverSignIn: a stream that was opened before another user signs in with its
// session shows no data of that user.
func TestAttack_StreamOverSignIn(t *testing.T) {
	h := harness.Start(t, streamer(), harness.LegacyLines)
	alice := h.Browser()
	alice.SignIn("alice")
	alice.Enrol()
	for name, accept := range map[string]string{"event stream": "text/event-stream", "any": "*/*"} {
		for _, first := range []string{"", "carol"} {
			b := h.Browser()
			b.Get("/")
			if first != "" {
				b.SignIn(first)
			}
			r := b.Request(http.MethodGet, "/stream?type=text/event-stream", nil)
			r.Header.Set("Accept", accept)
			r.Header.Set("Sec-Fetch-Mode", "cors")
			res, err := b.Client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			rd := bufio.NewReader(res.Body)
			if _, err := rd.ReadString('\n'); err != nil {
				t.Fatalf("%s: the stream did not begin: %v", name, err)
			}
			p := b.Post("/login", url.Values{"user": {"alice"}, "password": {"pw-alice"}})
			if p.Status != http.StatusSeeOther {
				t.Fatalf("%s: sign-in: %d", name, p.Status)
			}
			rest, _ := io.ReadAll(rd)
			res.Body.Close()
			if strings.Contains(string(rest), "alice") {
				t.Errorf("%s, opened as %q: the stream went on as alice", name, first)
			}
		}
	}
}
