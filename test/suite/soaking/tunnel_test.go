//go:build crash

package soaking

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// tunnel is an open event stream or WebSocket. It reads until it is closed.
type tunnel struct {
	c      *customer
	cancel context.CancelFunc
	done   chan struct{}
	// none: it could not be opened, as while listeners change.
	none bool
}

// endTime is how long a tunnel may outlive its clearance: it ends at once, but the
// machine is busy.
const endTime = 30 * time.Second

// open opens an event stream or a WebSocket in a cleared browser, and waits for its first message.
func (c *customer) open(b *harness.Browser) *tunnel {
	ctx, cancel := context.WithCancel(context.Background())
	t := &tunnel{c: c, cancel: cancel, done: make(chan struct{})}
	heard := make(chan bool, 1)
	read := c.stream
	if c.number%2 == 0 {
		read = c.socket
	}
	go func() {
		defer close(t.done)
		read(ctx, b, heard)
	}()
	select {
	case ok := <-heard:
		t.none = !ok
	case <-time.After(endTime):
		c.complain("%s: a tunnel says nothing", c.name)
		t.none = true
	}
	return t
}

// close gives up what is still open.
func (t *tunnel) close() {
	t.cancel()
	<-t.done
}

// ended waits until the gate has closed the tunnel.
func (t *tunnel) ended() error {
	if t.none {
		return nil
	}
	select {
	case <-t.done:
		return nil
	case <-time.After(endTime):
		t.c.complain("%s: a tunnel outlives its clearance", t.c.name)
		return errWrong
	}
}

func (c *customer) stream(ctx context.Context, b *harness.Browser, heard chan<- bool) {
	r := b.Request(http.MethodGet, "/events", nil).WithContext(ctx)
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Sec-Fetch-Mode", "cors")
	r.Header.Set("Sec-Fetch-Dest", "empty")
	client := *b.Client
	client.Timeout = 0
	res, err := client.Do(r)
	if err != nil {
		c.cut.Add(1)
		heard <- false
		return
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	if !lines.Scan() || !strings.Contains(lines.Text(), mark(c.name)) {
		c.complain("%s: an event stream answers %d and %q, %v", c.name, res.StatusCode, lines.Text(), lines.Err())
		heard <- false
		return
	}
	c.streams.Add(1)
	heard <- true
	for lines.Scan() {
		continue
	}
}

func (c *customer) socket(ctx context.Context, b *harness.Browser, heard chan<- bool) {
	conn, res, err := websocket.Dial(ctx, c.p.base+"/ws", &websocket.DialOptions{HTTPClient: b.Client, HTTPHeader: b.Header.Clone()})
	if err != nil {
		c.cut.Add(1)
		if res != nil {
			c.complain("%s: a WebSocket answers %d", c.name, res.StatusCode)
		}
		heard <- false
		return
	}
	defer func() { _ = conn.CloseNow() }()
	_, said, err := conn.Read(ctx)
	if err != nil { // a reload closes the WebSockets of the old configuration
		c.cutSockets.Add(1)
		heard <- false
		return
	}
	if string(said) != mark(c.name) {
		c.complain("%s: a WebSocket says %.100q", c.name, said)
	}
	c.sockets.Add(1)
	heard <- true
	for err == nil {
		_, _, err = conn.Read(ctx)
	}
}
