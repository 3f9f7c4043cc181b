package request

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/secondgate/secondgate/internal/gateway/spool"
)

const (
	// Bodies of strangers are forms; users who may pass also upload. In bytes.
	maxStrangerBody = 32 << 20
	maxBody         = 4 << 30
	// A stranger's body has to arrive in strangerTime altogether; others have to make
	// progress at least every stall.
	strangerTime = time.Minute
	stall        = time.Minute
)

// MaxStrangerBody is the limit in bytes for the body of a request from a user who may not pass,
// or from a stranger.
const MaxStrangerBody = maxStrangerBody

// Errors of ReadBody. Any other is of the client's connection or of the file system.
var (
	ErrTooLarge = errors.New("request body too large")
	ErrTooSlow  = errors.New("request body too slow")
	// ErrNoRoom reports that the bodies of other requests use up the memory and disk.
	ErrNoRoom = errors.New("no room for another request body")
)

// FindBody determines whether a safe request has a body if its headers don't say so. In HTTP/3,
// and rarely in HTTP/2, the end of a request is sent separately from its headers, so that every
// GET could have a body. Clients send that end at once.
func FindBody(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor < 2 || r.ContentLength >= 0 || !SafeMethod(r.Method) || !HasBody(r) {
		return
	}
	rc := http.NewResponseController(w)
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

// begun is a body with its first bytes already read; err is the error of that read.
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

// ReadBody reads a request's body whole and replaces it by the spool that it returns, so
// that no client can hold the last byte back while the visit's user changes. trusted are
// the bodies of users who may pass.
func ReadBody(w http.ResponseWriter, r *http.Request, b *spool.Budget, address string, trusted bool) (*spool.Spool, error) {
	limit := int64(maxStrangerBody)
	if trusted {
		limit = maxBody
	}
	if r.ContentLength > limit {
		return nil, ErrTooLarge
	}
	s := spool.New(limit, b, address)
	if err := fill(w, r, s, trusted); err != nil {
		s.Close()
		if errors.Is(err, spool.ErrFull) {
			err = ErrNoRoom
			if s.Size() > limit-(32<<10) {
				err = ErrTooLarge
			}
		}
		return nil, err
	}
	r.Body, r.ContentLength, r.TransferEncoding = s, s.Size(), nil
	return s, nil
}

func fill(w http.ResponseWriter, r *http.Request, s *spool.Spool, trusted bool) error {
	rc := http.NewResponseController(w)
	defer rc.SetReadDeadline(time.Time{}) //nolint:errcheck // not every server can
	deadline := time.Now().Add(strangerTime)
	buf := make([]byte, 32<<10)
	for {
		if trusted {
			deadline = time.Now().Add(stall)
		}
		_ = rc.SetReadDeadline(deadline) // as above
		n, err := r.Body.Read(buf)
		if n > 0 {
			if _, werr := s.Write(buf[:n]); werr != nil {
				return werr
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return ErrTooSlow
		case err != nil:
			return err
		}
	}
}
