package adversary

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

// body is a request's body. The client may withhold its last byte.
type body struct {
	text     string
	withheld bool

	mu       sync.Mutex
	at       int
	rest     chan struct{}
	gone     chan struct{}
	deadline time.Time
}

func newBody(text string, withheld bool) *body {
	return &body{text: text, withheld: withheld, rest: make(chan struct{}), gone: make(chan struct{})}
}

var errClientLeft = errors.New("the client left")

func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	until := len(b.text)
	withheld := b.withheld && !closed(b.rest)
	if withheld {
		until = max(until-1, 0)
	}
	if closed(b.gone) {
		b.mu.Unlock()
		return 0, errClientLeft
	}
	if b.at < until {
		n := copy(p, b.text[b.at:until])
		b.at += n
		b.mu.Unlock()
		return n, nil
	}
	deadline := b.deadline
	b.mu.Unlock()
	if !withheld {
		return 0, io.EOF
	}
	var late <-chan time.Time
	if !deadline.IsZero() {
		late = time.After(time.Until(deadline))
	}
	select {
	case <-b.rest:
		return b.Read(p)
	case <-b.gone:
		return 0, errClientLeft
	case <-late:
		return 0, os.ErrDeadlineExceeded
	}
}

// open reports whether the client keeps the end back. The portal has nothing of the request.
func (b *body) open() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.withheld && !closed(b.rest)
}

func (b *body) Close() error { return nil }

func (b *body) setDeadline(t time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deadline = t
}

func (b *body) finish() { b.shut(b.rest) }
func (b *body) abort()  { b.shut(b.gone) }

func (b *body) shut(c chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !closed(c) {
		close(c)
	}
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
