package gatewayrules

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// tunnelHarness is a gateway before a desk with a WebSocket at /ws and an event stream
// at /events; both greet with the user's page and then keep quiet.
func tunnelHarness(t *testing.T, extra string) *deskHarness {
	t.Helper()
	d := newDesk()
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	h := harness.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, s := d.session(r)
		user := ""
		if s != nil {
			s.lock.Lock()
			user = s.user
			s.lock.Unlock()
		}
		switch r.URL.Path {
		case "/ws":
			serveSocket(w, r, user, end)
		case "/events":
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprintf(w, "data: %s\n\n", markOf(user))
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
			case <-end:
			}
		default:
			d.ServeHTTP(w, r)
		}
	}), deskLines+extra)
	return &deskHarness{h, d, t}
}

func serveSocket(w http.ResponseWriter, r *http.Request, user string, end chan struct{}) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer c.CloseNow()
	_ = c.Write(context.Background(), websocket.MessageText, []byte(markOf(user)))
	gone := c.CloseRead(context.Background())
	select {
	case <-gone.Done():
	case <-end:
	}
}

// dial opens a WebSocket with the browser's cookies; p is the refusal, if any.
func dial(t *testing.T, b *harness.Browser) (c *websocket.Conn, p *http.Response) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	h := http.Header{"Origin": {b.Base}, "User-Agent": {"Test/1.0"}, "Accept-Language": {"en"}, "Sec-Fetch-Mode": {"websocket"}}
	c, p, err := websocket.Dial(ctx, b.Base+"/ws", &websocket.DialOptions{HTTPClient: &http.Client{Jar: b.Client.Jar}, HTTPHeader: h})
	if err != nil {
		return nil, p
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	if _, got, err := c.Read(ctx); err != nil || !strings.HasPrefix(string(got), "SECRET-") {
		t.Fatalf("greeting %q, %v", got, err)
	}
	return c, p
}

// events opens the event stream and reads the greeting.
func events(t *testing.T, b *harness.Browser) *bufio.Reader {
	t.Helper()
	r := b.Request(http.MethodGet, "/events", nil)
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Sec-Fetch-Mode", "cors")
	res, err := (&http.Client{Jar: b.Client.Jar}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	in := bufio.NewReader(res.Body)
	if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "data: SECRET-") {
		t.Fatalf("%d %q %v", res.StatusCode, line, err)
	}
	_, _ = in.ReadString('\n')
	return in
}

// ends fails the test unless both end by themselves within 20 s.
func ends(t *testing.T, c *websocket.Conn, in *bufio.Reader) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, got, err := c.Read(ctx); err == nil || ctx.Err() != nil {
		t.Errorf("the WebSocket is open: %q %v", got, err)
	}
	done := make(chan error, 1)
	go func() { _, err := in.ReadByte(); done <- err }()
	select {
	case err := <-done:
		if err == nil {
			t.Error("the event stream goes on")
		}
	case <-ctx.Done():
		t.Error("the event stream is open")
	}
}

// TestGate_UpgradesRefused: strangers and users who owe a code get no tunnel.
func TestGate_UpgradesRefused(t *testing.T) {
	h := tunnelHarness(t, "")
	h.enrol("alice")
	anonymous, owing := h.Browser(), h.Browser()
	anonymous.Get("/")
	owing.Get("/")
	h.in(owing, "alice")
	for name, b := range map[string]*harness.Browser{"stranger": h.Browser(), "anonymous": anonymous, "owing": owing} {
		c, p := dial(t, b)
		if c != nil || p == nil || p.StatusCode != http.StatusUnauthorized || !strings.Contains(p.Header.Get("Content-Type"), "problem+json") {
			t.Errorf("%s: opened %v, %v", name, c != nil, p)
		}
	}
	if r := h.desk.last("/ws"); r != nil {
		t.Error("a refused upgrade reached the portal")
	}
}

// TestGate_TunnelsClosed: WebSockets and event streams end with the session or clearance that
// opened them.
func TestGate_TunnelsClosed(t *testing.T) {
	h := tunnelHarness(t, "session 12h idle 30m\n")
	alice := h.enrol("alice")
	h.enrol("bob")
	for name, end := range map[string]func(b *harness.Browser){
		"sign-out":     func(b *harness.Browser) { b.Get("/out") },
		"another user": func(b *harness.Browser) { h.in(b, "bob") },
		"idleness":     func(*harness.Browser) { t.Cleanup(clock.Move(31 * time.Minute)) },
		"life":         func(*harness.Browser) { t.Cleanup(clock.Move(12 * time.Hour)) },
	} {
		b := h.cleared("alice", alice)
		c, p := dial(t, b)
		if c == nil {
			t.Fatalf("%s: refused: %v", name, p)
		}
		in := events(t, b)
		end(b)
		t.Log(name)
		ends(t, c, in)
	}
	t.Run("turned off", func(t *testing.T) {
		dave := h.enrol("dave")
		b, other := h.cleared("dave", dave), h.cleared("dave", dave)
		c, _ := dial(t, other)
		in := events(t, other)
		if p := b.Post("/two-factor/disable", url.Values{"code": {dave.Code(h.t)}}); p.Status != http.StatusSeeOther {
			t.Fatalf("turning off: %d", p.Status)
		}
		ends(t, c, in)
	})
	t.Run("a first factor elsewhere", func(t *testing.T) {
		b := h.Browser()
		b.Get("/")
		h.in(b, "erin")
		c, _ := dial(t, b)
		in := events(t, b)
		h.enrol("erin")
		ends(t, c, in)
	})
	t.Run("sign-out of one who owes nothing", func(t *testing.T) {
		b := h.Browser()
		b.Get("/")
		h.in(b, "carol")
		c, _ := dial(t, b)
		in := events(t, b)
		b.Get("/out")
		ends(t, c, in)
	})
}

// TestGate_GuestTunnel: strangers get no tunnel, not even at a path that `guest` names
// (rule G5): a portal may sign a user in inside a frame.
func TestGate_GuestTunnel(t *testing.T) {
	h := tunnelHarness(t, "guest / /in /ws /events\n")
	b := h.Browser()
	b.Get("/")
	c, p := dial(t, b)
	if c != nil || p == nil || p.StatusCode != http.StatusUnauthorized {
		t.Fatalf("a stranger's tunnel: %v", p)
	}
}
