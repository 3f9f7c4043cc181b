// Package spool keeps request and response bodies until the gateway knows whether they may be
// forwarded. The first bytes are in memory, the others in a file without a name.
//
// The memory and disk of all spools together are bounded by a [Budget], in sum and per client
// address. Package gateway uses it for request bodies, package response for responses that wait
// for their check.
package spool

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
)

const (
	// Free is how many bytes a spool may always keep, whatever the budgets say. Sign-in
	// forms and most pages are smaller.
	Free = 64 << 10
	// inMemory is how much of a spool is kept in memory, in bytes.
	inMemory = 1 << 20
)

// ErrFull reports that a spool is at its limit, or that a budget is used up.
var ErrFull = errors.New("no more bytes can be kept")

// Spool keeps bytes in their order. It is safe for one writer and one reader at a time.
type Spool struct {
	// Limit bounds what is kept, in bytes.
	limit int64
	grant *grant

	mu sync.Mutex
	// lost says that the file was closed: what was in it can't be read any more.
	lost bool
	size int64
	mem  bytes.Buffer
	file *os.File
	read int64 // from file
	off  int   // from mem
}

// New returns an empty spool for at most limit bytes. What goes beyond Free is taken from
// the budget of the address; a nil budget bounds nothing.
func New(limit int64, b *Budget, address string) *Spool {
	return &Spool{limit: limit, grant: b.grant(address)}
}

// Write keeps p whole, or returns ErrFull and keeps nothing of it.
func (s *Spool) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost {
		return 0, os.ErrClosed
	}
	size := s.size + int64(len(p))
	if size > s.limit {
		return 0, ErrFull
	}
	toFile := s.file != nil || s.mem.Len()+len(p) > inMemory
	if size > Free && !s.grant.take(int64(len(p)), toFile) {
		return 0, ErrFull
	}
	s.size = size
	if !toFile {
		return s.mem.Write(p)
	}
	if err := s.openFile(); err != nil {
		return 0, err
	}
	return s.file.Write(p)
}

// openFile creates the file and removes its name, so that nothing is left behind.
func (s *Spool) openFile() error {
	if s.file != nil {
		return nil
	}
	f, err := os.CreateTemp("", "secondgate-")
	if err != nil {
		return err
	}
	s.file = f
	return os.Remove(f.Name())
}

// Size is how many bytes were written.
func (s *Spool) Size() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size
}

// Read reads on from where the last Read ended; io.EOF says that everything written so
// far was read. After Close it fails where there was a file, so that a part is never
// taken for the whole.
func (s *Spool) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost {
		return 0, os.ErrClosed
	}
	if s.off < s.mem.Len() {
		n := copy(p, s.mem.Bytes()[s.off:])
		s.off += n
		return n, nil
	}
	if s.file == nil || len(p) == 0 {
		return 0, endOf(p)
	}
	n, err := s.file.ReadAt(p, s.read)
	s.read += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

func endOf(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	return io.EOF
}

// ReadAt reads what was written, from off; it implements io.ReaderAt and does not move Read.
func (s *Spool) ReadAt(p []byte, off int64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost {
		return 0, os.ErrClosed
	}
	n := 0
	mem := int64(s.mem.Len())
	if off < mem {
		n = copy(p, s.mem.Bytes()[off:])
	}
	if n == len(p) {
		return n, nil
	}
	if s.file == nil {
		return n, io.EOF
	}
	m, err := s.file.ReadAt(p[n:], off+int64(n)-mem)
	return n + m, err
}

// Bytes returns a copy of what is in memory: everything, for a spool of up to 1 MiB.
func (s *Spool) Bytes() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.mem.Bytes())
}

// Reset discards everything and returns what was taken from the budget. The spool can be written
// again.
func (s *Spool) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free()
	s.mem = bytes.Buffer{}
	s.size, s.read, s.off = 0, 0, 0
}

// Close frees the file and gives back what was taken from the budget. It may be called
// more than once. What is in memory can still be read.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = s.lost || s.file != nil
	return s.free()
}

func (s *Spool) free() (err error) {
	if s.file != nil {
		err = s.file.Close()
		s.file = nil
	}
	s.grant.giveBack()
	return err
}
