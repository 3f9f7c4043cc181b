package edge

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// delayed is a client's socket that sends its first flight at once, and everything after
// the server's first answer late: the handshake is not complete until then.
type delayed struct {
	net.PacketConn
	answered atomic.Bool
	delay    time.Duration
}

func (d *delayed) ReadFrom(p []byte) (int, net.Addr, error) {
	n, from, err := d.PacketConn.ReadFrom(p)
	d.answered.Store(true)
	return n, from, err
}

func (d *delayed) WriteTo(p []byte, to net.Addr) (int, error) {
	if d.answered.Load() {
		time.Sleep(d.delay)
	}
	return d.PacketConn.WriteTo(p, to)
}

// TestK3_EarlyDataOverHTTP3: a resumed connection sends requests before its handshake
// is complete. Those that change something, and own pages, are refused then; the same
// requests after the handshake are served.
func TestK3_EarlyDataOverHTTP3(t *testing.T) {
	a := newAuthority(t, "portal")
	e := &echo{}
	h := startTLS(t, e, a, "protocols tls1.3", gate+"reverse_proxy PORTAL")
	client := &http3Client{t: t, url: h.URL, config: &tls.Config{
		RootCAs: a.roots, ServerName: "localhost", NextProtos: []string{http3.NextProtoH3}, ClientSessionCache: tls.NewLRUClientSessionCache(10),
	}}
	if status := client.send("GET", "/", 0); status != http.StatusOK {
		t.Fatalf("without early data: %d", status)
	}
	const late = 700 * time.Millisecond
	for _, tt := range []struct {
		method, path string
		status       int
	}{
		{"POST", "/form", http.StatusTooEarly},
		{"GET", "/two-factor/challenge", http.StatusTooEarly},
		{"GET", "/page", http.StatusOK},
	} {
		e.forget()
		if status := client.send(tt.method, tt.path, late); status != tt.status {
			t.Errorf("%s %s as early data: %d", tt.method, tt.path, status)
		}
		seen := e.at(tt.path)
		if tt.status == http.StatusTooEarly && len(seen) > 0 {
			t.Errorf("%s %s reached the portal", tt.method, tt.path)
		}
		if tt.status == http.StatusOK && (len(seen) != 1 || seen[0].Header.Get("Early-Data") != "1") {
			t.Errorf("%s %s was no early data", tt.method, tt.path)
		}
		if status := client.send(tt.method, tt.path, -1); status == http.StatusTooEarly {
			t.Errorf("%s %s after the handshake: %d", tt.method, tt.path, status)
		}
	}
}

// http3Client makes a new connection for each request.
type http3Client struct {
	t      *testing.T
	url    string
	config *tls.Config
}

// send sends one request at once, as early data if the session can be resumed, and
// keeps the handshake back for delay; below 0 it waits for the handshake first.
func (c *http3Client) send(method, path string, delay time.Duration) int {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
	defer cancel()
	u, err := url.Parse(c.url + path) // localhost, where the server listens on 127.0.0.1 only
	if err != nil {
		c.t.Fatal(err)
	}
	conn, closed := c.dial(ctx, u.Host, max(delay, 0))
	defer closed()
	if delay < 0 {
		<-conn.HandshakeComplete()
	}
	stream, err := new(http3.Transport).NewClientConn(conn).OpenRequestStream(ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	r := (&http.Request{Method: method, URL: u, Host: u.Host, Header: http.Header{}}).WithContext(ctx)
	if err := stream.SendRequestHeader(r); err != nil {
		c.t.Fatal(err)
	}
	if err := stream.Close(); err != nil {
		c.t.Fatal(err)
	}
	res, err := stream.ReadResponse()
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	if delay == 0 {
		time.Sleep(50 * time.Millisecond) // the session ticket comes after the handshake
	}
	return res.StatusCode
}

func (c *http3Client) dial(ctx context.Context, host string, delay time.Duration) (*quic.Conn, func()) {
	c.t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		c.t.Fatal(err)
	}
	to, err := net.ResolveUDPAddr("udp4", host)
	if err != nil {
		c.t.Fatal(err)
	}
	conn, err := quic.DialEarly(ctx, &delayed{PacketConn: socket, delay: delay}, to, c.config, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return conn, func() { _ = conn.CloseWithError(0, ""); _ = socket.Close() }
}
