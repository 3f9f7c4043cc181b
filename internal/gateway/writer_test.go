package gateway

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/secondgate/secondgate/internal/gate"
)

// able is a writer of a server that hands connections over and pushes. Go's own
// clients turn pushes down, so that a server could not show the difference.
type able struct {
	*httptest.ResponseRecorder
	hijacked, pushed int
}

func (a *able) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	a.hijacked++
	return nil, nil, nil
}

func (a *able) Push(string, *http.PushOptions) error {
	a.pushed++
	return nil
}

// TestWriter_HijackAndPush: a connection is handed over for a tunnel only, and never
// when the response is dropped; a pushed response is judged by nobody, so that only
// those who may pass get any.
func TestWriter_HijackAndPush(t *testing.T) {
	for name, tt := range map[string]struct {
		upgrade, verbatim, dropping bool
		before                      gate.Standing
		hijacked, pushed            int
	}{
		"stranger":            {},
		"owing":               {before: gate.Standing{Answer: gate.User, Enrolled: true}},
		"owes nothing":        {before: gate.Standing{Answer: gate.User}, pushed: 1},
		"tunnel":              {upgrade: true, before: gate.Standing{Answer: gate.User}, hijacked: 1, pushed: 1},
		"tunnel of a guest":   {upgrade: true, hijacked: 1},
		"trusted":             {verbatim: true, hijacked: 1},
		"tunnel, but dropped": {upgrade: true, dropping: true, before: gate.Standing{Answer: gate.User}},
	} {
		server := &able{ResponseRecorder: httptest.NewRecorder()}
		x := &exchange{traits: traits{upgrade: tt.upgrade}, before: tt.before}
		w := &responseWriter{x: x, rw: server, verbatim: tt.verbatim, dropping: tt.dropping}
		_, _, hijack := w.Hijack()
		push := w.Push("/app.js", nil)
		if server.hijacked != tt.hijacked || (hijack == nil) != (tt.hijacked > 0) {
			t.Errorf("%s: handed over %d times, %v", name, server.hijacked, hijack)
		}
		if server.pushed != tt.pushed || (push == nil) != (tt.pushed > 0) {
			t.Errorf("%s: pushed %d times, %v", name, server.pushed, push)
		}
	}
}

// TestRecycle: an exchange that somebody may still hold is never another request's;
// the writer of one that is given back lets nothing through.
func TestRecycle(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*exchange)
		kept   bool
	}{
		"done":       {func(*exchange) {}, false},
		"judged":     {func(x *exchange) { x.rw.pending = droppedResponse() }, true},
		"a tunnel":   {func(x *exchange) { x.stream = true }, true},
		"panicked":   {func(x *exchange) { x.finished = false }, true},
		"own page":   {func(x *exchange) { x.client.URL.Path = "/two-factor/challenge" }, true},
		"not so own": {func(x *exchange) { x.client.URL.Path = "/two-factors" }, false},
	} {
		server := httptest.NewRecorder()
		x := &exchange{
			g: &Gateway{Options: Options{Path: "/two-factor"}}, client: Client{URL: &url.URL{Path: "/"}}, finished: true,
		}
		w := &responseWriter{x: x, rw: server, wrote: true}
		x.rw = w
		tt.change(x)
		x.recycle()
		if kept := x.g != nil; kept != tt.kept {
			t.Errorf("%s: kept %v", name, kept)
		}
		if tt.kept {
			continue
		}
		if _, err := w.Write([]byte("late")); !errors.Is(err, errWithheld) || server.Body.Len() > 0 {
			t.Errorf("%s: the writer lets %q through, %v", name, server.Body, err)
		}
	}
}

// TestFinish_Trailers: trailers come after the verdict; those of a withheld response
// stay behind with it. (Over HTTP/2 they need no announcement.)
func TestFinish_Trailers(t *testing.T) {
	for v, passes := range map[verdict]bool{released: true, withheld: false} {
		server := httptest.NewRecorder()
		j := droppedResponse()
		j.w, j.verdict = &responseWriter{rw: server}, v
		j.late.Set(http.TrailerPrefix+"X-Token", "secret")
		j.finish(true)
		if got := len(server.Header()) > 0; got != passes {
			t.Errorf("verdict %d: headers %v", v, server.Header())
		}
	}
}
