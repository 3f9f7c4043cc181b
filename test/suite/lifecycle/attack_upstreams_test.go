package lifecycle

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// enters is a portal with three addresses: /enter signs in and shows the account at once, /slow
// does the same and ends a moment later, /boom fails.
func enters() *harness.Legacy {
	p := &harness.Legacy{}
	p.Before = func(l *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
		switch r.URL.Path {
		case "/boom":
			w.WriteHeader(http.StatusInternalServerError)
		case "/enter", "/slow":
			w.Header().Add("Set-Cookie", "PHPSESSID="+l.SignInRaw(r.FormValue("user"))+"; Path=/")
			fmt.Fprint(w, harness.SecretOf(r.FormValue("user")))
			if r.URL.Path == "/slow" {
				time.Sleep(500 * time.Millisecond)
			}
		default:
			return false
		}
		return true
	}
	return p
}

// two is a Caddyfile with a gate before two upstreams that have sessions of their own.
func two(t *testing.T, balance string) string {
	var dials []string
	for range 2 {
		s := httptest.NewServer(enters())
		t.Cleanup(s.Close)
		dials = append(dials, strings.TrimPrefix(s.URL, "http://"))
	}
	return whole(badger, strings.Replace(site("PORT", named), "reverse_proxy PORTAL", "reverse_proxy "+strings.Join(dials, " ")+" {\n"+balance+"\n}", 1))
}

// TestAttack_L14_BalancedByHeader: `lb_policy header` keeps a visitor at one upstream only if the
// request has the header, and the attacker chooses the header.
func TestAttack_L14_BalancedByHeader(t *testing.T) {
	// Questions about the cookies alone go without the header, so set-ups fail at random.
	const balance = "lb_policy header X-Client-Id"
	text := two(t, balance)
	h := harness.StartWhole(t, nil, strings.Replace(text, balance, "lb_policy first", 1))
	b := h.Browser()
	enrolledBalanced(t, h, b)
	if err := h.TryWhole(text); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		thief := h.Browser()
		r := thief.Request("POST", "/enter", strings.NewReader("user=alice"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if p := thief.Do(r); strings.Contains(p.Body, harness.SecretOf("alice")) {
			t.Fatalf("alice's account went out: %d %s", p.Status, p.Body)
		}
	}
	if !strings.Contains(h.LogText(), "lb_policy header does not keep a visitor at one upstream") {
		t.Error("no warning at start")
	}
	if !strings.Contains(h.LogText(), "whoami was asked at") {
		t.Error("no question met another upstream than its request")
	}
}

// TestAttack_L15_FailedUpstream: upstreams are chosen as the documentation says, and skipped after
// a failure, which any client can cause. Then the question goes to another upstream.
func TestAttack_L15_FailedUpstream(t *testing.T) {
	for _, policy := range []string{"first", "client_ip_hash"} {
		t.Run(policy, func(t *testing.T) {
			h := harness.StartWhole(t, nil, two(t, "lb_policy "+policy+"\nfail_duration 2s\nmax_fails 1\nunhealthy_status 5xx"))
			b := h.Browser()
			enrolledBalanced(t, h, b)
			thief := h.Browser()
			r := thief.Request("POST", "/slow", strings.NewReader("user=alice"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			signIn := later(thief, r)
			time.Sleep(200 * time.Millisecond)
			h.Browser().Get("/boom")
			p, err := signIn()
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(p.Body, harness.SecretOf("alice")) {
				t.Errorf("alice's account went out: %d %s", p.Status, p.Body)
			}
			if !strings.Contains(h.LogText(), "passive health checks (fail_duration, unhealthy_request_count) don't keep a visitor at one upstream") {
				t.Error("no warning at start")
			}
			if !strings.Contains(h.LogText(), "whoami was asked at") {
				t.Error("the log does not say that the question met another upstream")
			}
		})
	}
}

// enrolledBalanced gives alice a second factor.
func enrolledBalanced(t *testing.T, h *harness.Harness, b *harness.Browser) {
	t.Helper()
	b.Header.Set("X-Client-Id", "7")
	b.SignIn("alice")
	b.Enrol()
}
