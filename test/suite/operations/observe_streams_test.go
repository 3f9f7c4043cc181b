package operations

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// ticking is a portal that writes a line every few milliseconds, in an event stream or a
// tunnel, until that fails.
func ticking(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	write, flush := io.Writer(w), rc.Flush
	switch r.URL.Path {
	case "/events":
		w.Header().Set("Content-Type", "text/event-stream")
	case "/tunnel":
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, _, err := rc.Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		write, flush = conn, func() error { return nil }
	default:
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if _, err := fmt.Fprintln(write, "tick"); err != nil || flush() != nil {
			return
		}
	}
}

// TestAttack_I13_ObserveToEnforce: event streams and tunnels that were opened in
// `mode observe` end when `mode enforce` begins, even where the reverse proxy keeps them
// over a reload. A reload that stays in `mode observe` does not end them.
func TestAttack_I13_ObserveToEnforce(t *testing.T) {
	site := func(lines string) string {
		return "two_factor {\nwhoami /me {\n\tanonymous status 401\n\tuser json user\n}\nsign_in /login\n" + lines +
			"\n}\nreverse_proxy PORTAL {\n\tflush_interval -1\n\tstream_close_delay 10m\n}"
	}
	h := harness.StartSite(t, http.HandlerFunc(ticking), site("mode observe"))
	load := func(lines string) {
		h.Load(strings.ReplaceAll(site(lines), "PORTAL", strings.TrimPrefix(h.PortalURL, "http://")))
	}
	open := map[string]*stream{
		"/events": openStream(t, h, "/events", ""),
		"/tunnel": openStream(t, h, "/tunnel", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
	}
	load("mode observe\nrequire always")
	for path, s := range open {
		if s.ends(300 * time.Millisecond) {
			t.Errorf("%s ended by a reload that observes", path)
		}
	}
	load("")
	for path, s := range open {
		if !s.ends(10 * time.Second) {
			t.Errorf("%s goes on in mode enforce", path)
		}
	}
}

// stream is the client's side of a stream.
type stream struct {
	net.Conn
	in *bufio.Reader
}

// openStream sends a request and waits for the first line of the stream.
func openStream(t *testing.T, h *harness.Harness, path, header string) *stream {
	t.Helper()
	host := strings.TrimPrefix(h.URL, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", path, host, header)
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	s := &stream{conn, bufio.NewReader(conn)}
	for line := ""; line != "tick\n"; {
		if line, err = s.in.ReadString('\n'); err != nil {
			t.Fatalf("%s did not begin: %v", path, err)
		}
	}
	return s
}

// ends reads for so long, and reports whether the response ended.
func (s *stream) ends(d time.Duration) bool {
	_ = s.SetReadDeadline(time.Now().Add(d))
	for {
		line, err := s.in.ReadString('\n')
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return false
		case err != nil, line == "0\r\n": // the last chunk: the handler returned
			return true
		}
	}
}
