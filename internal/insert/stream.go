package insert

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/secondgate/secondgate/internal/contentcoding"
)

// errClosed is the error of writes after the end.
var errClosed = errors.New("insert: the page is at its end")

// Stream inserts pieces into one page. Its methods are not safe for concurrent use, but may be
// called from changing goroutines. The caller must end it with Close or Abort.
type Stream struct {
	out    io.Writer
	coding Coding
	hand   *handoff
	wishes []*wish
	// made is what the worker made and the writer did not take yet; see outlet.
	made   bytes.Buffer
	enc    encoder
	err    error
	closed bool
	// Panicked is the value of a panic while the page was read, or nil. The page was then sent
	// without the remaining pieces.
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

// Write takes the next portion of the page and sends what is certain. An error means that the
// page can't be completed: it can't be decompressed, or exceeds maxPlain or maxRatio. The page
// then ends at that point, after its header was sent. The caller must close the connection, so
// that the client does not treat the page as complete.
func (s *Stream) Write(p []byte) (int, error) {
	switch {
	case s.closed:
		return 0, errClosed
	case len(p) == 0:
		return 0, nil
	case s.hand.ended && s.err == nil && s.coding == (Coding{}):
		return s.out.Write(p)
	}
	err := s.hand.give(p, s.send)
	if err == nil {
		err = s.send()
	}
	if err != nil {
		return 0, err
	}
	if s.err != nil {
		return 0, s.err
	}
	return len(p), nil
}

// Flush sends everything that a browser could show now. It does not flush out.
func (s *Stream) Flush() error {
	if s.closed {
		return errClosed
	}
	if err := s.enc.flush(); err != nil {
		return err
	}
	return s.send()
}

// Close ends the page. An error means that an incomplete page was sent.
func (s *Stream) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	err := s.hand.give(nil, s.send)
	s.enc.release()
	switch {
	case err != nil:
		return err
	case s.hand.gone:
		return errClosed
	}
	return errors.Join(s.send(), s.err)
}

// Abort drops what has not been sent.
func (s *Stream) Abort() {
	if s.closed {
		return
	}
	s.closed = true
	_ = s.hand.give(nil, func() error { return errClosed })
	s.enc.release()
	s.made.Reset()
}

// Missed returns, after Close, the reason for each piece that was not inserted.
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
		if !errors.Is(err, io.EOF) { // an empty page is none to decompress
			s.err = err
		}
		return
	}
	defer page.Close()
	src := &intake{page: page, coded: s.coding.From != "", hand: s.hand}
	out := &outlet{to: &s.made, made: &s.made, hand: s.hand}
	if s.coding.Gzip {
		out.to = &s.enc
	}
	s.scan(src, out)
	if s.coding == (Coding{}) {
		_, _ = out.Write(s.hand.cur) // the rest goes straight through
		s.hand.cur = nil
		return
	}
	switch _, err := io.Copy(out, src); {
	case s.hand.gone:
		s.err = errClosed
		return
	case err != nil:
		s.err = fmt.Errorf("the portal's page can't be decompressed: %w", err)
		_ = s.enc.flush() // into memory, which does not fail
		return
	}
	s.err = s.enc.close()
}

// scan places the pieces. After a panic, the page is sent without further pieces.
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
