package attack

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// tap is every byte that a browser read from its connections.
type tap struct {
	mu  sync.Mutex
	buf []byte
}

// spy has the browser, and its clones from now on, record what comes over the wire.
func spy(t *testing.T, b *harness.Browser) *tap {
	t.Helper()
	w := &tap{}
	tr := &http.Transport{DisableCompression: true, DialContext: w.dial}
	t.Cleanup(tr.CloseIdleConnections)
	b.Client.Transport = tr
	return w
}

func (w *tap) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	return &tappedConn{c, w}, err
}

type tappedConn struct {
	net.Conn
	tap *tap
}

func (c *tappedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.tap.mu.Lock()
	c.tap.buf = append(c.tap.buf, p[:n]...)
	c.tap.mu.Unlock()
	return n, err
}

// take returns what came since the last take.
func (w *tap) take() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := string(w.buf)
	w.buf = nil
	return s
}
