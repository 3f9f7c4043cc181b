package attackb

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestB3: a field `session_id` that is no session of the portal: the term of a course that is
// booked, a payment that is confirmed, a conversation of a chat. The remedy in the log is followed.
func TestB3_SessionIDThatIsNone(t *testing.T) {
	for _, lines := range []string{"", "\n\t\tleave session_id", "\n\t\tsign_in /login {\n\t\t\tusername session_id\n\t\t}"} {
		t.Run(lines, func(t *testing.T) {
			h := harness.Start(t, http.HandlerFunc(named), whoami+lines)
			b := h.Browser()
			b.Post("/login", url.Values{"user": {"carol"}})
			if p := b.Post("/book", url.Values{"session_id": {"17"}}); p.Status != 200 {
				t.Errorf("form: %d", p.Status)
			}
			if p := b.Fetch("POST", "/api/pay", "application/json", `{"session_id":"cs_test_a1b2c3"}`); p.Status != 200 {
				t.Errorf("script: %d", p.Status)
			}
			if i := strings.Index(h.LogText(), "remedy"); i > 0 {
				t.Logf("%.120s", h.LogText()[i:])
			}
		})
	}
}
