package observe

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/gateway/event"
	"github.com/secondgate/secondgate/internal/gateway/request"
	"github.com/secondgate/secondgate/internal/gateway/visits"
	"github.com/secondgate/secondgate/internal/portal"
)

type panics struct{}

func (panics) Any(*http.Request, []string) bool { panic("a rule") }
func (panics) All(*http.Request, []string) bool { panic("a rule") }

type handler func(w http.ResponseWriter, r *http.Request) error

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) error { return h(w, r) }

func observer(rule request.Rule, table *visits.Table) *Observer {
	return New(Options{
		Site: &request.Site{Path: "/two-factor", Rules: request.Rules{Deny: rule}, Headers: portal.NewHeaders(nil)}, CookiePolicy: portal.NewCookiePolicy(nil),
		Events: &event.Sink{Log: zap.NewNop()}, Visits: table, Clock: func() time.Time { return then },
	})
}

// TestObserve_FailsOpen: a panic in the observer fails no request, and Secondgate's own
// cookies are not forwarded.
func TestObserve_FailsOpen(t *testing.T) {
	ob := observer(panics{}, nil) // and there is no Sealer
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Cookie", "sg="+strings.Repeat("A", 43))
	w := httptest.NewRecorder()
	says := handler(func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Set-Cookie", "sid=1; Path=/")
		_, err := fmt.Fprint(w, "hello ", len(r.Header["Cookie"]))
		return err
	})
	if err := ob.Serve(w, r, request.Client{URL: r.URL}, says); err != nil || w.Body.String() != "hello 0" || w.Header().Get("Set-Cookie") != "sid=1; Path=/" {
		t.Errorf("%v %q %v", err, w.Body.String(), w.Header())
	}
	defer func() {
		if p := recover(); p != any(http.ErrAbortHandler) {
			t.Errorf("the portal's own abort became %v", p)
		}
	}()
	_ = ob.Serve(w, r, request.Client{URL: r.URL}, handler(func(http.ResponseWriter, *http.Request) error { panic(http.ErrAbortHandler) }))
}

// TestObserve_PrivateWithCookies: a response that Secondgate adds a cookie to is not kept
// by shared caches, and a response that they may keep gets no cookie.
func TestObserve_PrivateWithCookies(t *testing.T) {
	ob := observer(nil, visits.New(nil, func() time.Time { return then }))
	for control, want := range map[string]string{"": "private, no-cache", "max-age=60": "private, no-cache", "public, max-age=60": "public, max-age=60"} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept", "text/html")
		w := httptest.NewRecorder()
		_ = ob.Serve(w, r, request.Client{URL: r.URL}, handler(func(w http.ResponseWriter, _ *http.Request) error {
			if control != "" {
				w.Header().Set("Cache-Control", control)
			}
			return nil
		}))
		if got, cookies := w.Header().Get("Cache-Control"), len(w.Header()["Set-Cookie"]); got != want || (cookies > 0) != strings.HasPrefix(want, "private") {
			t.Errorf("%q became %q, with %d cookies", control, got, cookies)
		}
	}
}

// endlessly writes lines until that fails, whatever the request's context says: as Caddy's
// reverse_proxy does with `flush_interval -1`.
func endlessly(w io.Writer, flush func() error) {
	for {
		if _, err := fmt.Fprintln(w, "line"); err != nil || flush() != nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// answers is a portal with responses that have no end.
func answers(w http.ResponseWriter, r *http.Request) error {
	rc := http.NewResponseController(w)
	switch r.URL.Path {
	case "/tunnel":
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, _, err := rc.Hijack()
		if err != nil {
			return err
		}
		defer conn.Close()
		endlessly(conn, func() error { return nil })
		return nil
	case "/events":
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	}
	endlessly(w, rc.Flush)
	return nil
}

// TestAttack_I13_ObservedStreamsEnd: when `mode enforce` begins, tunnels and event streams
// that were opened in `mode observe` end, ordinary responses a little later; and what
// begins afterwards at the old configuration ends too. A reload that stays in
// `mode observe`, with `require always` or without, ends none.
func TestAttack_I13_ObservedStreamsEnd(t *testing.T) {
	table := visits.New(nil, time.Now)
	ob := observer(nil, table)
	ob.grace = 300 * time.Millisecond
	ob.Gate = table.Enter(visits.Place{}, visits.Policy{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = ob.Serve(w, r, request.Client{URL: r.URL}, handler(answers))
	}))
	t.Cleanup(server.Close)
	open := map[string]stream{}
	for _, path := range []string{"/tunnel", "/events", "/download"} {
		open[path] = dial(t, server, path)
	}
	next := table.Enter(visits.Place{}, visits.Policy{Required: true})
	table.Leave(ob.Gate)
	for path, s := range open {
		if s.ends(100 * time.Millisecond) {
			t.Fatalf("%s ended by a reload that observes", path)
		}
	}

	table.Enter(visits.Place{}, visits.Policy{Enforce: true})
	table.Leave(next)
	began := time.Now()
	for path, s := range open {
		if !s.ends(10 * time.Second) {
			t.Errorf("%s goes on in mode enforce", path)
		}
		if path != "/download" && time.Since(began) > 200*time.Millisecond+ob.grace {
			t.Errorf("%s ended late", path)
		}
	}
	if time.Since(began) < ob.grace {
		t.Error("an ordinary response was not given any time")
	}

	ob.Stop()
	for path := range open {
		if !dial(t, server, path).ends(10 * time.Second) {
			t.Errorf("%s goes on although it began after the end of mode observe", path)
		}
	}
}

// stream is the client's side of one response.
type stream struct {
	net.Conn
	in *bufio.Reader
}

// dial asks for a path.
func dial(t *testing.T, server *httptest.Server, path string) stream {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path)
	return stream{conn, bufio.NewReader(conn)}
}

// ends reads for so long, and reports whether the response ended.
func (s stream) ends(d time.Duration) bool {
	_ = s.SetReadDeadline(time.Now().Add(d))
	for {
		if _, err := s.in.ReadString('\n'); err != nil {
			return !errors.Is(err, os.ErrDeadlineExceeded)
		}
	}
}
