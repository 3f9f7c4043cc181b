package protocol

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestAttack_SignInDuringFramesQuestion: bob, cleared, sends a message of which a question is
// asked; while the portal answers that, a form signs alice in within the session. The message
// must not be forwarded by the answer from before the form.
func TestAttack_SignInDuringFramesQuestion(t *testing.T) {
	p := &slowly{Legacy: &harness.Legacy{}, acts: make(map[string]int)}
	slow := false
	p.Before = func(l *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.URL.Path == "/ws":
			p.at(w, r)
			return true
		case r.URL.Path == "/me" && slow && r.Header.Get("X-Now") == "":
			again := r.Clone(r.Context())
			again.Header.Set("X-Now", "1")
			rec := httptest.NewRecorder()
			l.ServeHTTP(rec, again)
			time.Sleep(600 * time.Millisecond) // a slow page, which has read the session by now
			w.WriteHeader(rec.Code)
			_, _ = w.Write(rec.Body.Bytes())
			return true
		}
		return false
	}
	s := serve(t, p, "")
	alice := s.browser(t, "h1")
	alice.SignIn("alice")
	alice.Enrol()
	b := s.browser(t, "h1")
	b.SignIn("bob")
	b.Enrol()
	time.Sleep(300 * time.Millisecond)
	c, _, err := websocket.Dial(t.Context(), b.Base+"/ws", &websocket.DialOptions{HTTPClient: b.Client})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow() //nolint:errcheck // it is closed by then
	b.Post("/account", url.Values{"x": {"y"}})
	time.Sleep(300 * time.Millisecond) // settle
	b.Get("/account")                  // the answer is kept
	slow = true
	if err := c.Write(t.Context(), websocket.MessageText, []byte("act")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	if p := b.Post("/login", url.Values{"user": {"alice"}, "password": {"pw-alice"}}); p.Location != "/two-factor/challenge" {
		t.Fatalf("the sign-in: %d %s", p.Status, p.Location)
	}
	time.Sleep(time.Second)
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := p.acts["alice"]; n > 0 {
		t.Errorf("%d messages are carried out as alice, who owes a code", n)
	}
	t.Log(p.acts)
}

// at carries each message out at once.
func (s *slowly) at(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer c.CloseNow() //nolint:errcheck // it is closed by then
	for {
		if _, _, err := c.Read(r.Context()); err != nil {
			return
		}
		user := s.now(r)
		s.mu.Lock()
		s.acts[user]++
		s.mu.Unlock()
	}
}

// slowly is a portal with a WebSocket that carries out each message as the session's current user.
type slowly struct {
	*harness.Legacy
	mu   sync.Mutex
	acts map[string]int
}

// now is the user that the request's session has now.
func (s *slowly) now(r *http.Request) string {
	me := httptest.NewRequest(http.MethodGet, "/me", nil)
	me.Header.Set("X-Now", "1")
	me.Header["Cookie"] = r.Header["Cookie"]
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, me)
	var answer struct{ User string }
	_ = json.Unmarshal(rec.Body.Bytes(), &answer)
	return answer.User
}
