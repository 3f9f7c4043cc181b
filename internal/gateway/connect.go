package gateway

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/secondgate/secondgate/internal/gateway/request"
	"github.com/secondgate/secondgate/internal/gateway/visits"
)

// serveConnect handles CONNECT, in every mode and before any exemption. An extended CONNECT for a
// WebSocket is turned into the upgrade that it is over HTTP/1.1: a GET without a body, with a
// response status that distinguishes a tunnel from a page. Any other CONNECT is refused.
func (g *Gateway) serveConnect(w http.ResponseWriter, r *http.Request, c Client, next Next) error {
	status := request.RefuseConnect(r)
	if g.site.Below(c.URL.Path) {
		status = http.StatusMethodNotAllowed // the own pages have no tunnels
	}
	if status != 0 {
		x := &exchange{g: g, rw: w, next: next, now: g.Clock()}
		x.names, x.host = g.names.For(c.Secure), r.Host
		x.facts.R, x.facts.Client, x.facts.Site, x.st = r, c, g.site, &visits.NoStanding
		return x.refuseStatus(status)
	}
	cw := newConnectWriter(w, r)
	defer cw.conn.end()
	asUpgrade(r)
	return g.serve(cw, r, c, next)
}

// asUpgrade turns an extended CONNECT for a WebSocket into the request that opens one over
// HTTP/1.1 (RFC 6455 4.1).
func asUpgrade(r *http.Request) {
	r.Method, r.Proto = http.MethodGet, fmt.Sprintf("HTTP/%d.%d", r.ProtoMajor, r.ProtoMinor)
	r.Body, r.ContentLength, r.Trailer = http.NoBody, 0, nil
	key := make([]byte, 16)
	_, _ = rand.Read(key) // never fails
	h := r.Header
	delete(h, ":protocol")
	h["Connection"], h["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	h["Sec-Websocket-Key"] = []string{base64.StdEncoding.EncodeToString(key)}
}

// connectWriter carries the response to an upgrade back to the client of an extended
// CONNECT. A tunnel is a 200 there, and its bytes are the bodies of request and response.
type connectWriter struct {
	http.ResponseWriter
	conn *connectConn
	// switched says that the response was a 101.
	switched bool
}

func newConnectWriter(w http.ResponseWriter, r *http.Request) *connectWriter {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if local == nil {
		local = address("")
	}
	return &connectWriter{ResponseWriter: w, conn: &connectConn{
		body: r.Body, rw: w, rc: http.NewResponseController(w), local: local, remote: address(r.RemoteAddr),
	}}
}

// Unwrap lets http.ResponseController reach deadlines and flushing.
func (w *connectWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader replaces 101 by 200, which opens a tunnel over HTTP/2 and HTTP/3, and removes the
// headers of an upgrade, which these don't have.
func (w *connectWriter) WriteHeader(status int) {
	if status == http.StatusSwitchingProtocols {
		w.switched, status = true, http.StatusOK
		for name := range w.Header() {
			switch strings.ToLower(name) { // handlers may set Sec-WebSocket-Accept, which is not in canonical form
			case "connection", "upgrade", "sec-websocket-accept":
				delete(w.Header(), name)
			}
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Hijack hands the stream over as a connection, after a 101.
func (w *connectWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if !w.switched {
		w.ResponseWriter.WriteHeader(http.StatusNotImplemented) // HTTP/1.1 can't be written to a stream
		return nil, nil, http.ErrNotSupported
	}
	if err := w.conn.rc.Flush(); err != nil {
		return nil, nil, err
	}
	return w.conn, buffered(w.conn), nil
}

// buffered returns what http.Hijacker returns beside a connection.
func buffered(c net.Conn) *bufio.ReadWriter {
	return bufio.NewReadWriter(bufio.NewReaderSize(c, 1), bufio.NewWriterSize(c, 1))
}

// connectConn is a net.Conn over the stream of an extended CONNECT.
type connectConn struct {
	body          io.ReadCloser
	rw            http.ResponseWriter
	rc            *http.ResponseController
	local, remote net.Addr

	// writing is held while bytes are written. end takes it, because rw must not be used when the
	// request is over.
	writing sync.Mutex
	closed  bool
}

// Read reads from the client.
func (c *connectConn) Read(p []byte) (int, error) { return c.body.Read(p) }

// Write writes to the client.
func (c *connectConn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.closed {
		return 0, net.ErrClosed
	}
	n, err := c.rw.Write(p)
	if err == nil {
		err = c.rc.Flush()
	}
	return n, err
}

// Close ends both directions. The client sees that when the request is over.
func (c *connectConn) Close() error {
	c.end()
	return c.body.Close()
}

// end makes all later writes fail. It aborts a write that waits for the client.
func (c *connectConn) end() {
	if !c.writing.TryLock() {
		_ = c.rc.SetWriteDeadline(time.Unix(1, 0))
		c.writing.Lock()
	}
	defer c.writing.Unlock()
	c.closed = true
}

// LocalAddr is the server's address.
func (c *connectConn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is the client's.
func (c *connectConn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines.
func (c *connectConn) SetDeadline(t time.Time) error {
	if err := c.rc.SetReadDeadline(t); err != nil {
		return err
	}
	return c.rc.SetWriteDeadline(t)
}

// SetReadDeadline sets the time until which Read waits.
func (c *connectConn) SetReadDeadline(t time.Time) error { return c.rc.SetReadDeadline(t) }

// SetWriteDeadline sets the time until which Write waits.
func (c *connectConn) SetWriteDeadline(t time.Time) error { return c.rc.SetWriteDeadline(t) }

// address is a net.Addr for an address that is known as text only.
type address string

// Network implements net.Addr.
func (address) Network() string { return "tcp" }

// String implements net.Addr.
func (a address) String() string { return string(a) }
