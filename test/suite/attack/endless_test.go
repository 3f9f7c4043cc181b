package attack

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestAttack_L2_EndlessOverEnrolment: a response that was opened before the owner enrolled does
// not continue afterwards, for every media type.
func TestAttack_L2_EndlessOverEnrolment(t *testing.T) {
	for _, kind := range []string{"text/event-stream", "application/x-ndjson", "multipart/x-mixed-replace; boundary=x", "text/html"} {
		for _, lines := range []string{"", "\nrotates"} {
			t.Run(kind+strings.TrimSpace(lines), func(t *testing.T) {
				tick := 0
				portal := &harness.Legacy{Before: func(l *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
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
						m := httptest.NewRecorder()
						l.ServeHTTP(m, again)
						tick++
						if _, err := fmt.Fprintf(w, "tick %d %s\n", tick, m.Body); err != nil {
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
				h := harness.Start(t, portal, harness.LegacyLines+lines)
				thief := h.Browser()
				thief.SignInAndGo("alice")
				time.Sleep(200 * time.Millisecond)
				res, err := thief.Client.Do(thief.Request(http.MethodGet, "/feed", nil))
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				lines := bufio.NewScanner(res.Body)
				if !lines.Scan() || !strings.Contains(lines.Text(), harness.SecretOf("alice")) {
					t.Fatalf("the feed shows nothing: %q", lines.Text())
				}
				owner := h.Browser()
				owner.SignIn("alice")
				owner.Enrol()
				enrolled, n := time.Now(), 0
				for lines.Scan() && time.Since(enrolled) < 5*time.Second {
					if time.Since(enrolled) > time.Second && strings.Contains(lines.Text(), harness.SecretOf("alice")) {
						n++
					}
				}
				if n > 0 {
					t.Errorf("%d lines with alice's secret, beginning one second after she enrolled", n)
				}
			})
		}
	}
}
