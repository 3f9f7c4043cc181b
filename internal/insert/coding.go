package insert

import (
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// Coding says how the portal compressed a page, and how it goes out.
type Coding struct {
	// From is gzip, deflate, br, zstd, or empty.
	From string
	// Gzip: it goes out as gzip.
	Gzip bool
}

// final gives the first error again, io.EOF included: not every decompressor does.
type final struct {
	r   io.Reader
	err error
}

func (f *final) Read(p []byte) (n int, err error) {
	if f.err == nil {
		n, f.err = f.r.Read(p)
	}
	return n, f.err
}

// encoder compresses with gzip, once there is something to compress.
type encoder struct {
	to    io.Writer
	gz    *gzip.Writer
	dirty bool
}

// writers are as large as a page, so they are used again.
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

// close writes the end; release gives the compressor back.
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
