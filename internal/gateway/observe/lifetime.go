package observe

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// finishTime is how long an ordinary response may go on when `mode enforce` begins.
const finishTime = 30 * time.Second

// lifetime ends a response that began in `mode observe` when `mode enforce` begins
// (threats.md, I13): tunnels and event streams at once, any other after a grace time.
type lifetime struct {
	context.Context
	cancel context.CancelFunc
	grace  time.Duration
	// ended says that nothing more may be written.
	ended atomic.Bool

	mu sync.Mutex
	// streams says that the response is a tunnel or event stream, which does not end by itself.
	// closing says that close was called.
	streams, closing bool
	// conn is the client's connection, once a tunnel took it over.
	conn net.Conn
}

func newLifetime(client context.Context, grace time.Duration) *lifetime {
	l := &lifetime{grace: grace}
	l.Context, l.cancel = context.WithCancel(client)
	return l
}

// close ends the response now or after the grace time; it does not block.
func (l *lifetime) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closing = true
	if l.streams {
		l.end()
		return
	}
	time.AfterFunc(l.grace, func() { l.stream(nil) })
}

// stream records that the response does not end by itself, or that its grace time is over. conn is
// the client's connection if a tunnel took it over, else nil.
func (l *lifetime) stream(conn net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.streams = true
	if conn != nil {
		l.conn = conn
	}
	if l.closing {
		l.end()
	}
}

// end ends the response; the caller holds mu. The context alone is not enough: Caddy's
// reverse_proxy with `flush_interval -1` does not look at it.
func (l *lifetime) end() {
	l.ended.Store(true)
	l.cancel()
	if l.conn != nil {
		_ = l.conn.Close()
	}
}

// streamTypes are media types of responses that have no end.
var streamTypes = []string{"text/event-stream", "multipart/x-mixed-replace", "application/x-ndjson", "application/grpc"}

// endless reports whether a response does not end by itself.
func endless(status int, h http.Header) bool {
	media := strings.ToLower(h.Get("Content-Type"))
	return status == http.StatusSwitchingProtocols ||
		slices.ContainsFunc(streamTypes, func(t string) bool { return strings.HasPrefix(media, t) })
}
