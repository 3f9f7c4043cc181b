package gateway

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

const (
	// inMemory is how much of a body is kept in memory; the rest goes to a file.
	inMemory = 1 << 20
	// Bodies of strangers are forms; those who may pass also upload.
	maxStrangerBody = 32 << 20
	maxBody         = 4 << 30
	// A stranger's body has to be here in strangerTime altogether; others have to make
	// progress at least every stall.
	strangerTime = time.Minute
	stall        = time.Minute
)

var (
	errTooLarge = errors.New("request body too large")
	errTooSlow  = errors.New("request body too slow")
)

// spool keeps bytes in order: the first in memory, the rest in a file that has no
// name any more, so that nothing is left behind whatever happens. As a request's body
// it is read by the proxy's transport, which may go on when the response is done.
type spool struct {
	limit int64

	mu sync.Mutex
	// lost says that the file was closed: what was in it can't be read any more.
	lost bool
	size int64
	mem  bytes.Buffer
	file *os.File
	read int64
}

// Write keeps p, or errTooLarge.
func (s *spool) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size+int64(len(p)) > s.limit {
		return 0, errTooLarge
	}
	s.size += int64(len(p))
	if s.file == nil && s.mem.Len()+len(p) <= inMemory {
		return s.mem.Write(p)
	}
	if s.file == nil {
		f, err := os.CreateTemp("", "secondgate-")
		if err != nil {
			return 0, err
		}
		s.file = f
		if err := os.Remove(f.Name()); err != nil {
			return 0, err
		}
	}
	return s.file.Write(p)
}

// Read reads from the beginning, once everything is written. After Close it fails
// where there was a file, so that nobody takes a part for the whole.
func (s *spool) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost {
		return 0, os.ErrClosed
	}
	if n, err := s.mem.Read(p); err == nil || len(p) == 0 {
		return n, nil
	}
	if s.file == nil {
		return 0, io.EOF
	}
	n, err := s.file.ReadAt(p, s.read)
	s.read += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

// kept is what is in memory and was not read yet: all there is, up to inMemory.
func (s *spool) kept() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.mem.Bytes())
}

// Close frees the file. It may be called more than once.
func (s *spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file, s.lost = nil, true
	return err
}

// readBody reads a request's body whole. trusted are those who may pass.
func readBody(w http.ResponseWriter, r *http.Request, trusted bool, now time.Time) (*spool, error) {
	s := &spool{limit: maxStrangerBody}
	if trusted {
		s.limit = maxBody
	}
	if r.ContentLength > s.limit {
		return nil, errTooLarge
	}
	rc := http.NewResponseController(w)
	defer rc.SetReadDeadline(time.Time{})
	deadline := now.Add(strangerTime)
	buf := make([]byte, 32<<10)
	for {
		if trusted {
			deadline = time.Now().Add(stall)
		}
		// Not every server can (a recorder in a test); then its own limits hold.
		_ = rc.SetReadDeadline(deadline)
		n, err := r.Body.Read(buf)
		if _, werr := s.Write(buf[:n]); werr != nil {
			s.Close()
			return nil, werr
		}
		if err == io.EOF {
			return s, nil
		}
		if err != nil {
			s.Close()
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return nil, errTooSlow
			}
			return nil, err
		}
	}
}
