package adversary

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// flightKey is under what a request's context carries its flight to the portal.
type flightKey struct{}

// askedForKey is under what a question's context carries the flight that it is about.
type askedForKey struct{}

// flight is one request of the run and its response. It is the http.ResponseWriter that
// the gateway writes to, and keeps every byte that the client could read.
type flight struct {
	by   string // "attacker" or "owner"
	what string

	cancel context.CancelFunc
	body   *body
	// script says that a script of the owner's sent it, which sends it again after a 503.
	script bool
	// outdated says that the portal did not know its session, and so has begun another one, with or
	// without the gateway.
	outdated atomic.Bool
	// process is the gateway's process that serves it.
	process *process
	// began is when it was sent; abandoned is how long it may still stop when no proxy waits.
	began     time.Time
	abandoned time.Duration
	// done is closed when the gateway has returned.
	done chan struct{}

	mu sync.Mutex
	// hold is the next stop of the request. parked gets a value when the request waits there, and
	// release lets it continue.
	hold    string
	parked  chan struct{}
	stopped bool
	release chan struct{}

	header http.Header
	status int
	sent   http.Header
	read   bytes.Buffer
	// dropped: the client reads no more.
	dropped bool
	failed  string
	// panicked is what the gateway panicked with, other than to abort the response.
	panicked string
	client   net.Conn
	// turn lets one write through the tunnel at a time.
	turn chan struct{}
	// taken: the client has read the headers; seen: the whole response.
	taken, seen bool
}

// stop waits where the program has set a stop. It ends when the program lets the request continue,
// shortly after the proxy has given up, or at the run's end.
func (f *flight) stop(name string, gone, end <-chan struct{}) {
	f.mu.Lock()
	if f.hold != name {
		f.mu.Unlock()
		return
	}
	release := f.release
	f.stopped = true
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.stopped = false
		f.mu.Unlock()
	}()
	select {
	case f.parked <- struct{}{}:
	default:
	}
	select {
	case <-release:
		return
	case <-gone:
	case <-end:
		return
	}
	late := time.After(f.abandoned)
	select {
	case <-release:
	case <-late:
	case <-end:
	case <-f.process.killed:
		select {
		case <-release:
		case <-late:
		case <-time.After(afterKill):
		case <-end:
		}
	}
}

// goOn lets a stopped request run to its next stop, or to its end.
func (f *flight) goOn(next string) {
	f.mu.Lock()
	f.hold = next
	close(f.release)
	f.release = make(chan struct{})
	f.mu.Unlock()
	f.body.finish()
}

// drop closes the client's connection. After half a close the client reads on.
func (f *flight) drop(half bool) {
	f.mu.Lock()
	f.dropped = f.dropped || !half
	client := f.client
	f.mu.Unlock()
	f.body.abort()
	f.cancel()
	if client != nil && !half {
		client.Close()
	}
}

// stops reports whether the request stops at the portal, perhaps without the gateway.
func (f *flight) stops() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stopped
}

// over reports whether the gateway has returned, or was killed.
func (f *flight) over() bool { return closed(f.done) || closed(f.process.killed) }

// text is what the client has read so far, headers first.
func (f *flight) text() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var b strings.Builder
	fmt.Fprintln(&b, f.status)
	for name, values := range f.sent {
		fmt.Fprintln(&b, name, values)
	}
	b.Write(f.read.Bytes())
	return b.String()
}

// The http.ResponseWriter.

func (f *flight) Header() http.Header { return f.header }

func (f *flight) WriteHeader(status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if status < 200 && status != 101 && !f.dropped {
		fmt.Fprintln(&f.read, status, f.header)
	}
	if f.status == 0 && (status >= 200 || status == 101) && !f.dropped {
		f.status, f.sent = status, f.header.Clone()
	}
}

func (f *flight) Write(p []byte) (int, error) {
	f.WriteHeader(http.StatusOK)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dropped {
		return 0, net.ErrClosed
	}
	return f.read.Write(p)
}

func (f *flight) FlushError() error { return nil }

func (f *flight) SetReadDeadline(t time.Time) error { f.body.setDeadline(t); return nil }
func (f *flight) SetWriteDeadline(time.Time) error  { return nil }
func (f *flight) EnableFullDuplex() error           { return nil }

func (f *flight) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	ours, theirs := net.Pipe()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dropped {
		return nil, nil, net.ErrClosed
	}
	f.client = ours
	go func() {
		buf := make([]byte, 512)
		for {
			n, err := ours.Read(buf)
			f.mu.Lock()
			f.read.Write(buf[:n])
			f.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return theirs, bufio.NewReadWriter(bufio.NewReader(theirs), bufio.NewWriter(theirs)), nil
}

// frame sends a line through the flight's tunnel.
func (f *flight) frame(line string) {
	f.mu.Lock()
	client := f.client
	f.mu.Unlock()
	if client != nil {
		// The gateway may hold it for a while.
		go func() { _ = say(client, f.turn, line+"\n") }()
	}
}

// message is a request before it is sent.
type message struct {
	method, target, body string
	header               http.Header
	address              string
	// hold is a stop of the portal's, or "last byte", which the client then withholds; of a
	// request without a body its end.
	hold string
	// http2 says that the request arrived over HTTP/2.
	http2 bool
}

// launch sends a request through the gateway and returns at once.
func (g *gate) launch(by string, m message) (*flight, error) {
	u, err := url.ParseRequestURI(m.target)
	if err != nil {
		return nil, err
	}
	f := &flight{
		by: by, what: m.method + " " + m.target, body: newBody(m.body, m.hold == "last byte"), hold: m.hold,
		process: g.process, began: time.Now(), abandoned: g.abandoned, turn: make(chan struct{}, 1),
		done: make(chan struct{}), parked: make(chan struct{}, 1), release: make(chan struct{}), header: make(http.Header),
	}
	ctx, cancel := context.WithCancel(context.WithValue(context.WithValue(context.Background(), flightKey{}, f), processKey{}, g.process))
	f.cancel = cancel
	r := (&http.Request{
		Method: m.method, URL: u, RequestURI: m.target, Host: "portal.example", Header: m.header, Body: http.NoBody,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, RemoteAddr: m.address + ":40000", ContentLength: int64(len(m.body)),
	}).WithContext(ctx)
	if m.http2 && m.header.Get("Upgrade") == "" {
		r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
	}
	if m.body != "" {
		r.Body = f.body
	} else if m.hold == "last byte" {
		r.Body, r.ContentLength = f.body, -1
	}
	f.process.flights = append(f.process.flights, f)
	go g.run(g.g, f, r, m.address)
	return f, nil
}

// run is what a server does with a request.
func (g *gate) run(by *gateway.Gateway, f *flight, r *http.Request, address string) {
	defer close(f.done)
	defer f.cancel()
	defer func() {
		if p := recover(); p != nil {
			f.fail("aborted")
			if p != any(http.ErrAbortHandler) {
				f.panicked = fmt.Sprintf("%v\n%s", p, debug.Stack())
			}
		}
	}()
	if err := g.serve(by, f, r, address); err != nil {
		f.fail(err.Error())
		f.WriteHeader(http.StatusBadGateway)
		return
	}
	f.WriteHeader(http.StatusOK)
	f.trailers()
}

func (f *flight) fail(why string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed = why
}

// trailers are read after the body.
func (f *flight) trailers() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, values := range f.header {
		if strings.HasPrefix(name, http.TrailerPrefix) && !f.dropped {
			fmt.Fprintln(&f.read, name, values)
		}
	}
}
