package insert

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/secondgate/secondgate/internal/contentcoding"
)

// errClosed is what becomes of writes after the end.
var errClosed = errors.New("insert: the page is at its end")

// Stream is one page on its way out. Its methods are not safe for concurrent use, but
// may be called from changing goroutines. Whoever makes one must end it with Close or
// Abort.
type Stream struct {
	out    io.Writer
	coding Coding
	hand   *handoff
	wishes []*wish
	// made is what the worker made of what it was given.
	made   bytes.Buffer
	enc    encoder
	err    error
	closed bool
	// Panicked is what panicked while the page was read, if anything did; the page went
	// out without the rest of its pieces then.
	Panicked any
}

// New returns a stream that writes a page with these pieces to out.
func New(out io.Writer, coding Coding, pieces []Piece) *Stream {
	s := &Stream{out: out, coding: coding, hand: newHandoff()}
	for _, p := range pieces {
		s.wishes = append(s.wishes, &wish{Piece: p})
	}
	s.enc.to = &s.made
	go s.work()
	return s
}

// Write takes the next portion of the page and sends on what is certain.
func (s *Stream) Write(p []byte) (int, error) {
	switch {
	case s.closed:
		return 0, errClosed
	case len(p) == 0:
		return 0, nil
	case s.hand.ended && s.err == nil && s.coding == (Coding{}):
		return s.out.Write(p)
	}
	s.hand.give(p)
	if err := s.send(); err != nil {
		return 0, err
	}
	if s.err != nil {
		return 0, s.err
	}
	return len(p), nil
}

// Flush sends on whatever a browser could show by now. It does not flush out.
func (s *Stream) Flush() error {
	if s.closed {
		return errClosed
	}
	if err := s.enc.flush(); err != nil {
		return err
	}
	return s.send()
}

// Close ends the page. An error says that it went out incomplete.
func (s *Stream) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	s.hand.give(nil)
	s.enc.release()
	if err := s.send(); err != nil {
		return err
	}
	return s.err
}

// Abort drops what has not been sent.
func (s *Stream) Abort() {
	if s.closed {
		return
	}
	s.closed = true
	s.hand.give(nil)
	s.enc.release()
	s.made.Reset()
}

// Missed says, after Close, of each piece that did not get into the page why.
func (s *Stream) Missed() (why []string) {
	for _, w := range s.wishes {
		switch w.state {
		case missed:
			why = append(why, w.why)
		case wanted:
			why = append(why, "nothing matches the selector")
		case waiting:
			why = append(why, "the page ends within the element")
		}
	}
	return why
}

func (s *Stream) send() error {
	if s.made.Len() == 0 {
		return nil
	}
	_, err := s.made.WriteTo(s.out)
	s.made.Reset()
	return err
}

// work is the worker: it reads the page from the handoff and writes what becomes of it.
func (s *Stream) work() {
	defer s.hand.leave()
	page, err := contentcoding.NewReader(s.coding.From, s.hand)
	if err != nil {
		s.err = ignoreEOF(err)
		return
	}
	defer page.Close()
	src := &final{r: page}
	var out io.Writer = &s.made
	if s.coding.Gzip {
		out = &s.enc
	}
	s.scan(src, out)
	if s.coding == (Coding{}) {
		s.made.Write(s.hand.cur) // the rest goes straight through
		s.hand.cur = nil
		return
	}
	// As a plain writer: a buffer that reads by itself can't be sent while it does.
	if _, err := io.Copy(struct{ io.Writer }{out}, src); err != nil {
		s.err = fmt.Errorf("the portal's page can't be decompressed: %w", err)
		_ = s.enc.flush() // into memory, which does not fail
		return
	}
	s.err = s.enc.close()
}

// scan places the pieces. A panic there costs the pieces, not the page.
func (s *Stream) scan(src io.Reader, out io.Writer) {
	sc := newScanner(src, out, s.wishes)
	defer func() {
		if s.Panicked = recover(); s.Panicked != nil {
			for _, w := range s.wishes {
				w.miss("reading the page panicked")
			}
		}
		sc.releaseAll()
	}()
	sc.scan()
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
