package insert

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// Coding is how the portal compressed a page, and how it is sent to the client.
type Coding struct {
	// From is gzip, deflate, br, zstd, or empty.
	From string
	// Gzip says that the page is sent as gzip.
	Gzip bool
}

// Bounds of a page that comes compressed. Few bytes can stand for gigabytes, and each of
// them would be decompressed, compressed again and sent: so a page may be maxPlain bytes
// long, and longer only if what the portal sent is at least a maxRatio-th of it. HTML
// seldom reaches a ratio of 30.
const (
	maxPlain = 32 << 20
	maxRatio = 128
)

var errGrows = fmt.Errorf("it is longer than %d MiB and than %d times its compressed form", maxPlain>>20, maxRatio)

// intake is what the worker reads the page from, decompressed. It enforces maxPlain and maxRatio,
// and repeats its first error, io.EOF included: not every decompressor does.
type intake struct {
	page io.Reader
	// coded says that the page arrives compressed. hand counts the compressed bytes.
	coded bool
	hand  *handoff
	read  int64
	err   error
}

func (in *intake) Read(p []byte) (n int, err error) {
	switch {
	case in.err != nil:
	case in.hand.gone:
		in.err = errClosed
	case in.coded && in.read > maxPlain+maxRatio*in.hand.given:
		in.err = errGrows
	default:
		n, in.err = in.page.Read(p)
		in.read += int64(n)
	}
	return n, in.err
}

// maxMade bounds, in bytes, the output that the worker has made and that is not sent yet.
const maxMade = 64 << 10

// outlet takes the worker's output. It pauses the worker when maxMade is reached, even in the
// middle of a portion.
type outlet struct {
	to   io.Writer // into made, compressed or not
	made *bytes.Buffer
	hand *handoff
}

func (o *outlet) Write(p []byte) (n int, err error) {
	for len(p) > 0 && !o.hand.gone {
		part := p[:min(len(p), maxMade/4)]
		_, _ = o.to.Write(part) // into memory, which does not fail
		n, p = n+len(part), p[len(part):]
		if o.made.Len() >= maxMade {
			err = o.hand.pause()
		}
	}
	if len(p) > 0 {
		err = errClosed
	}
	return n, err
}

// encoder compresses with gzip. It takes a compressor when the first byte arrives.
type encoder struct {
	to    io.Writer
	gz    *gzip.Writer
	dirty bool
}

// writers are compressors for reuse, because each takes as much memory as a page.
var writers = sync.Pool{New: func() any {
	w, err := gzip.NewWriterLevel(nil, 5) // as Caddy's encode
	if err != nil {
		panic(err)
	}
	return w
}}

func (e *encoder) Write(p []byte) (int, error) {
	if e.gz == nil {
		e.gz = writers.Get().(*gzip.Writer)
		e.gz.Reset(e.to)
	}
	e.dirty = true
	return e.gz.Write(p)
}

func (e *encoder) flush() error {
	if e.gz == nil || !e.dirty {
		return nil
	}
	e.dirty = false
	return e.gz.Flush()
}

// close ends the compressed page; release returns the compressor to writers.
func (e *encoder) close() error {
	if e.gz == nil {
		return nil
	}
	return e.gz.Close()
}

func (e *encoder) release() {
	if e.gz != nil {
		writers.Put(e.gz)
		e.gz = nil
	}
}
