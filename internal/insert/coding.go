package insert

import (
	"bufio"
	"compress/flate"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// Coding says how the portal compressed a page, and how it goes out.
type Coding struct {
	// From is gzip, deflate, br, zstd, or empty.
	From string
	// Gzip: it goes out as gzip.
	Gzip bool
}

// maxWindow bounds the memory for decompressing zstd, as browsers do (RFC 8878, 3.1.1.1.2).
const maxWindow = 8 << 20

// codingOf reads a Content-Encoding; ok is false for one that can't be undone.
func codingOf(values []string) (from string, ok bool) {
	switch from = strings.ToLower(strings.TrimSpace(strings.Join(values, ","))); from {
	case "identity", "":
		return "", true
	case "x-gzip":
		return "gzip", true
	case "gzip", "deflate", "br", "zstd":
		return from, true
	}
	return "", false
}

// reader undoes the portal's compression. Nothing at all is the end.
func (c Coding) reader(from io.Reader) (io.Reader, error) {
	if c.From == "" {
		return from, nil
	}
	r := bufio.NewReader(from)
	if _, err := r.Peek(1); err != nil {
		return nil, err
	}
	switch c.From {
	case "gzip":
		return newMembers(r)
	case "deflate":
		return inflater(r)
	case "br":
		return brotli.NewReader(r), nil
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return nil, errors.New("unknown coding " + c.From)
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

// members reads one gzip member after another. What follows the last is no part of the
// page, and no mistake to browsers.
type members struct {
	from *bufio.Reader
	one  *gzip.Reader
}

func newMembers(r *bufio.Reader) (*members, error) {
	m := &members{from: r}
	one, err := gzip.NewReader(m.from)
	if err != nil {
		return nil, err
	}
	one.Multistream(false)
	m.one = one
	return m, nil
}

func (m *members) Read(p []byte) (int, error) {
	n, err := m.one.Read(p)
	if !errors.Is(err, io.EOF) || m.one.Reset(m.from) != nil {
		return n, err
	}
	m.one.Multistream(false)
	return n, nil
}

// inflater reads deflate with the frame that the standard wants (RFC 9110, 8.4.1.2), or
// bare, as some servers send it.
func inflater(r *bufio.Reader) (io.Reader, error) {
	head, err := r.Peek(2)
	if err != nil {
		return nil, err
	}
	if head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		return zlib.NewReader(r)
	}
	return flate.NewReader(r), nil
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
