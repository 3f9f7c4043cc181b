package response

import (
	"bufio"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/gateway/spool"
)

// exchange is a fake Exchange: it decides as the test says, and notes what it is told. Its
// fields are read with the writer's timers running, so they are changed with set.
type exchange struct {
	mu sync.Mutex
	w  *Writer
	// mode is what Arrived returns; check is called for Check, nil forwards.
	mode  Mode
	check func(final bool) gate.Action
	// release is called for Release.
	release func()

	lost, unsettled, mustCheck bool
	// unproven: no question was put yet since the visit is settled.
	unproven bool
	// calls are the names of the methods in their order, without those that only ask.
	calls    []string
	panicked any
}

func (x *exchange) set(change func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	change()
}

func (x *exchange) note(call string) { x.set(func() { x.calls = append(x.calls, call) }) }

func (x *exchange) count(call string) (n int) {
	x.set(func() {
		for _, c := range x.calls {
			if c == call {
				n++
			}
		}
	})
	return n
}

func (x *exchange) Arrived(int) Mode {
	x.note("arrived")
	return x.mode
}

func (x *exchange) Check(final bool) gate.Action {
	call := "check portion"
	if final {
		call = "check end"
	}
	x.note(call)
	x.set(func() { x.unproven = x.unproven && x.unsettled })
	if x.check == nil {
		return gate.Forward
	}
	return x.check(final)
}

func (x *exchange) Release(int) {
	x.note("release")
	if x.release != nil {
		x.release()
	}
}

func (x *exchange) Withhold(a gate.Action, _ int, _ http.Header) {
	x.note("withhold")
	x.w.Restore()
	x.w.rw.WriteHeader(http.StatusUnauthorized)
	_, _ = x.w.rw.Write([]byte("withheld"))
}

func (x *exchange) Over(bool) { x.note("over") }
func (x *exchange) Cancel()   { x.note("cancel") }

func (x *exchange) Lost() (is bool)      { x.set(func() { is = x.lost }); return is }
func (x *exchange) Unsettled() (is bool) { x.set(func() { is = x.unsettled || x.unproven }); return is }
func (x *exchange) Settled() (is bool)   { x.set(func() { is = !x.unsettled }); return is }
func (x *exchange) MustCheck() (is bool) { x.set(func() { is = x.mustCheck }); return is }

func (x *exchange) Hijacked(c net.Conn, brw *bufio.ReadWriter) (net.Conn, *bufio.ReadWriter) {
	return &wrapped{c}, brw
}
func (x *exchange) NoRoom()        { x.note("no room") }
func (x *exchange) Panicked(p any) { x.set(func() { x.panicked = p }) }

type wrapped struct{ net.Conn }

// client is the server's side of a client: a recorder that may be read while it is written.
type client struct {
	mu sync.Mutex
	*httptest.ResponseRecorder
}

func newClient() *client { return &client{ResponseRecorder: httptest.NewRecorder()} }

func (c *client) WriteHeader(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ResponseRecorder.WriteHeader(status)
}

func (c *client) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ResponseRecorder.Write(p)
}

func (c *client) FlushError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ResponseRecorder.Flush()
	return nil
}

// read is what the client has got so far.
func (c *client) read() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Body.String()
}

// got reports whether anything, headers included, has left to the client.
func (c *client) got() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ResponseRecorder.Result().StatusCode != 200 || c.Body.Len() > 0 || c.Flushed
}

// quick is a timing for tests in virtual time.
var quick = Timing{Portion: 20 * time.Second, Stream: time.Second, Poll: 200 * time.Millisecond}

// begin returns a writer for a fake exchange, with a budget that leaves the free bytes
// only where tiny is set.
func begin(x *exchange, tiny bool) (*Writer, *client) {
	budget := spool.NewBudget()
	if tiny {
		budget = &spool.Budget{}
	}
	c := newClient()
	x.w = New(x, c, quick, budget, "192.0.2.1")
	return x.w, c
}

func wantCalls(t *testing.T, x *exchange, want ...string) {
	t.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	if !slices.Equal(x.calls, want) {
		t.Errorf("calls %q, want %q", x.calls, want)
	}
}
