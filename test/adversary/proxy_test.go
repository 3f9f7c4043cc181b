package adversary

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"time"
)

// proxy is a reverse proxy in front of the portal, and the gateway's Next. Like Caddy's it returns
// an error when the client leaves before the response's headers, and aborts the response when the
// client leaves after them. The portal's handler is not cancelled and runs to its end, as in PHP.
type proxy struct{ portal *model }

var errGivenUp = errors.New("the portal did not answer in time")

// hastyTime is the time after which a hasty proxy gives up. abandoned is the time for which a
// request without a waiting proxy may still stop. In a world with Persists it may stop for longer,
// like a process that waits for another resource.
const (
	hastyTime  = 20 * time.Second
	abandoned  = time.Second
	persistent = 45 * time.Second
)

// upstream is one connection from the proxy to the portal.
type upstream struct {
	head chan head
	data chan []byte
	// done is closed when the handler has returned, gone when the proxy has left.
	done, gone chan struct{}
	// tunnel is the proxy's end of an upgraded connection.
	tunnel chan net.Conn
	// turn lets one write through the tunnel at a time.
	turn chan struct{}
}

type head struct {
	status int
	header http.Header
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) error {
	up := &upstream{
		head: make(chan head), data: make(chan []byte), tunnel: make(chan net.Conn),
		done: make(chan struct{}), gone: make(chan struct{}), turn: make(chan struct{}, 1),
	}
	ctx := r.Context()
	killed := processOf(ctx).killed
	if closed(killed) {
		return errKilled
	}
	go p.portal.serve(up, r.Clone(context.WithoutCancel(ctx)))
	defer close(up.gone)
	var late <-chan time.Time
	if p.portal.world.Hasty {
		late = time.After(hastyTime)
	}
	for {
		select {
		case h := <-up.head:
			maps.Copy(w.Header(), h.header)
			w.WriteHeader(h.status)
			if h.status >= 200 || h.status == http.StatusSwitchingProtocols {
				return p.pass(w, r, up, h)
			}
			clear(w.Header())
		case <-late:
			return errGivenUp
		case <-ctx.Done():
			return ctx.Err()
		case <-killed:
			return errKilled
		}
	}
}

// pass hands a response on as it comes.
func (p *proxy) pass(w http.ResponseWriter, r *http.Request, up *upstream, h head) error {
	if h.status == http.StatusSwitchingProtocols {
		return p.join(w, r, up)
	}
	flusher := http.NewResponseController(w)
	flush := h.header.Get("Content-Length") == ""
	for {
		var late <-chan time.Time
		if p.portal.world.Hasty {
			late = time.After(hastyTime)
		}
		select {
		case <-late:
			panic(http.ErrAbortHandler)
		case part := <-up.data:
			if _, err := w.Write(part); err != nil {
				panic(http.ErrAbortHandler)
			}
			if flush {
				_ = flusher.Flush()
			}
		case <-up.done:
			if reader := h.header.Get("X-Reader"); reader != "" {
				w.Header().Set(http.TrailerPrefix+"X-Reader", reader)
			}
			return nil
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		case <-processOf(r.Context()).killed:
			panic(http.ErrAbortHandler)
		}
	}
}

// join connects the two ends of an upgraded connection.
func (p *proxy) join(w http.ResponseWriter, r *http.Request, up *upstream) error {
	client, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer client.Close()
	var portal net.Conn
	killed := processOf(r.Context()).killed
	select {
	case portal = <-up.tunnel:
	case <-r.Context().Done():
		return nil
	case <-killed:
		return nil
	}
	defer portal.Close()
	ends := make(chan struct{}, 2)
	go func() { _, _ = io.Copy(portal, client); ends <- struct{}{} }()
	go func() { _, _ = io.Copy(client, portal); ends <- struct{}{} }()
	select {
	case <-ends:
	case <-r.Context().Done():
	case <-killed:
	}
	return nil
}

// say writes to one end of a tunnel in a goroutine. The lock of net.Pipe would stop the virtual
// time.
func say(c net.Conn, turn chan struct{}, text string) error {
	turn <- struct{}{}
	defer func() { <-turn }()
	_, err := io.WriteString(c, text)
	return err
}

// send hands something to the proxy, if it is still there.
func send[T any](up *upstream, to chan T, v T) bool {
	select {
	case to <- v:
		return true
	case <-up.gone:
		return false
	}
}
