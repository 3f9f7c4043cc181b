package gatewayrules

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestAttack_TunnelOverLateSignIn:
//
//  1. An attacker with an own account and without a second factor opens a WebSocket.
//  2. The attacker sends the sign-in form with the victim's password in the same session.
//  3. The portal saves the sign-in within `settle` after its response.
//
// No message that the portal sends into the tunnel afterwards may reach the attacker.
func TestAttack_TunnelOverLateSignIn(t *testing.T) {
	for name, declared := range map[string]string{"undeclared": "", "declared": "sign_in /late\n"} {
		t.Run(name, func(t *testing.T) {
			h := lateDesk(t, declared)
			h.enrol("alice")
			for _, late := range []string{"300ms", "1s", "1800ms"} {
				t.Run(late, func(t *testing.T) {
					t.Parallel() // in the same harness
					tunnelOverLateSignIn(t, h, late)
				})
			}
		})
	}
}

// lateDesk has a sign-in that is saved after a delay, which the client chooses.
func lateDesk(t *testing.T, declared string) *deskHarness {
	d := newDesk()
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	now := func(s *deskSession) string {
		if s == nil {
			return ""
		}
		s.lock.Lock()
		defer s.lock.Unlock()
		return s.user
	}
	return &deskHarness{harness.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, s := d.session(r)
		switch r.URL.Path {
		case "/ws":
			c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
			if err != nil {
				return
			}
			defer c.CloseNow()
			gone := c.CloseRead(context.Background())
			for {
				if c.Write(context.Background(), websocket.MessageText, []byte(markOf(now(s)))) != nil {
					return
				}
				select {
				case <-gone.Done():
					return
				case <-end:
					return
				case <-time.After(50 * time.Millisecond):
				}
			}
		case "/late": // answers, and saves the session afterwards
			user := r.FormValue("user")
			late, err := time.ParseDuration(r.FormValue("after"))
			if err != nil {
				t.Error(err)
			}
			time.AfterFunc(late, func() {
				s.lock.Lock()
				defer s.lock.Unlock()
				s.user = user
			})
			http.Redirect(w, r, "/page", http.StatusFound)
		default:
			d.ServeHTTP(w, r)
		}
	}), deskLines+declared), d, t}
}

func tunnelOverLateSignIn(t *testing.T, h *deskHarness, late string) {
	b := h.Browser()
	b.Get("/")
	h.in(b, "mallory")
	time.Sleep(2200 * time.Millisecond)
	c, p := dial(t, b)
	if c == nil {
		t.Fatalf("refused: %v", p)
	}
	b.Post("/late", map[string][]string{"user": {"alice"}, "after": {late}})
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	leaked := 0
	for {
		_, got, err := c.Read(ctx)
		if err != nil {
			break
		}
		if strings.Contains(string(got), markOf("alice")) {
			leaked++
		}
	}
	if leaked > 0 {
		t.Errorf("%d frames of the user who owes a code", leaked)
	}
	if ctx.Err() != nil {
		t.Error("the tunnel was still open 8 s after the sign-in")
	}
}
