package gateway

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// findBody finds out whether a safe request has a body where its headers do not say.
// In HTTP/3, and rarely in HTTP/2, the end of a request comes apart from its headers,
// so that every GET could have a body. To wait for that end costs nothing: clients
// send it at once, and who does not keeps nobody waiting but himself.
func (x *exchange) findBody() {
	r := x.r
	if r.ProtoMajor < 2 || r.ContentLength >= 0 || !safeMethod(r.Method) || !hasBody(r) {
		return
	}
	rc := http.NewResponseController(x.rw.rw)
	// Not every server can (a recorder in a test); then its own limits hold.
	_ = rc.SetReadDeadline(time.Now().Add(strangerTime))
	defer rc.SetReadDeadline(time.Time{}) //nolint:errcheck // as above
	var first [1]byte
	n, err := io.ReadFull(r.Body, first[:])
	if n == 0 && errors.Is(err, io.EOF) {
		r.Body, r.ContentLength = http.NoBody, 0
		return
	}
	r.Body = &begun{ReadCloser: r.Body, first: first[:n], err: err}
}

// begun is a body whose first bytes were read already; err is what came with them.
type begun struct {
	io.ReadCloser
	first []byte
	err   error
}

// Read returns the first bytes, then the rest.
func (b *begun) Read(p []byte) (int, error) {
	if len(b.first) > 0 {
		n := copy(p, b.first)
		b.first = b.first[n:]
		return n, nil
	}
	if b.err != nil {
		return 0, b.err
	}
	return b.ReadCloser.Read(p)
}
