package portalkinds

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// dial opens the app's WebSocket as its page does: the browser sends cookies, and no
// token. It returns nil and the refusal's status where it is refused.
func (b *tab) dial() (*websocket.Conn, int) {
	b.h.t.Helper()
	ctx, cancel := context.WithTimeout(b.h.t.Context(), 20*time.Second)
	defer cancel()
	header := http.Header{"Origin": {b.Base}, "User-Agent": {"Test/1.0"}, "Accept-Language": {"en"}, "Sec-Fetch-Mode": {"websocket"}}
	c, res, err := websocket.Dial(ctx, b.Base+"/ws", &websocket.DialOptions{HTTPClient: &http.Client{Jar: b.Client.Jar}, HTTPHeader: header})
	if err != nil {
		if res == nil {
			b.h.t.Fatal(err)
		}
		return nil, res.StatusCode
	}
	b.h.t.Cleanup(func() { _ = c.CloseNow() })
	if _, got, err := c.Read(ctx); err != nil || string(got) != "hello " {
		b.h.t.Fatalf("greeting %q, %v; the sealed token is for questions only", got, err)
	}
	return c, http.StatusSwitchingProtocols
}

// ends waits until the other side closes.
func ends(t *testing.T, c *websocket.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, _, err := c.Read(ctx); ctx.Err() != nil {
		t.Errorf("the WebSocket stays open: %v", err)
	}
}

// TestAttack_TokenTunnels: a WebSocket that authenticates within a frame is opened only for a
// visit with a user who may pass. It ends with that user's clearance.
func TestAttack_TokenTunnels(t *testing.T) {
	h := startApp(t, newApp(), "")
	_, device := h.enrolled("alice")
	for what, b := range map[string]*tab{
		"a stranger":                     h.open(),
		"somebody without any cookies":   {Browser: h.Browser(), h: h},
		"somebody who owes a code":       func() *tab { b := h.open(); b.signIn("alice"); return b }(),
		"one who only has alice's token": func() *tab { b := h.open(); b.token = h.Make("alice"); b.send("GET", "/api/data", ""); return b }(),
	} {
		if c, status := b.dial(); c != nil || status != http.StatusUnauthorized {
			t.Errorf("%s: status %d, want 401", what, status)
		}
	}
	carol := h.open()
	carol.signIn("carol")
	if c, status := carol.dial(); c == nil {
		t.Errorf("carol, who owes nothing: %d", status)
	}
	b := h.cleared("alice", device)
	c, status := b.dial()
	if c == nil {
		t.Fatalf("alice, cleared: %d", status)
	}
	b.send("POST", "/api/revoke", "token=x")
	ends(t, c)
	if c, status := b.dial(); c != nil || status != http.StatusUnauthorized {
		t.Errorf("after the sign-out: %d", status)
	}
}

// TestAttack_TokenTunnelSecondUser: bob's WebSocket ends when alice signs in within bob's visit.
func TestAttack_TokenTunnelSecondUser(t *testing.T) {
	h := startApp(t, newApp(), "")
	h.enrolled("alice")
	b := h.open()
	b.signIn("bob")
	c, status := b.dial()
	if c == nil {
		t.Fatalf("bob, who owes nothing: %d", status)
	}
	refused(t, "signing in as alice", b.signIn("alice"))
	ends(t, c)
}
