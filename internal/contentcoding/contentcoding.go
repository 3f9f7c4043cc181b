// Package contentcoding decodes compressed HTTP bodies (RFC 9110, 8.4.1) in one of the codings
// that browsers know. It uses bounded memory, whatever a body declares. Packages whoami, body,
// browse and insert call it.
package contentcoding

import (
	"bufio"
	"compress/flate"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds what a zstd frame may ask of memory, in bytes (RFC 8878, 3.1.1.1.2,
// and RFC 9659 for the Web).
const maxWindow = 8 << 20

// ErrUnknown says that a body has a coding that this package can't decode, or several.
var ErrUnknown = errors.New("the coding is none that browsers know")

// Name reads the values of Content-Encoding: gzip, deflate, br, zstd, or empty for none.
// Errors: ErrUnknown.
func Name(values []string) (string, error) {
	switch name := strings.ToLower(strings.TrimSpace(strings.Join(values, ","))); name {
	case "identity", "":
		return "", nil
	case "x-gzip":
		return "gzip", nil
	case "gzip", "deflate", "br", "zstd":
		return name, nil
	}
	return "", ErrUnknown
}

// NewReader returns a reader that decodes a body; name is the result of Name. A body without
// a single byte is empty in every coding. The caller must bound how much it reads.
func NewReader(name string, from io.Reader) (io.ReadCloser, error) {
	if name == "" {
		return io.NopCloser(from), nil
	}
	r := bufio.NewReader(from)
	if _, err := r.Peek(1); errors.Is(err, io.EOF) {
		return http.NoBody, nil
	} else if err != nil {
		return nil, err
	}
	switch name {
	case "gzip":
		return newMembers(r)
	case "deflate":
		return inflate(r)
	case "br":
		return io.NopCloser(brotli.NewReader(r)), nil
	case "zstd":
		return unzstd(r)
	}
	return nil, ErrUnknown
}

func unzstd(r io.Reader) (io.ReadCloser, error) {
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return z.IOReadCloser(), nil
}

// inflate decodes deflate in the zlib format that RFC 9110, 8.4.1.2, requires, or without it,
// as some servers send it.
func inflate(r *bufio.Reader) (io.ReadCloser, error) {
	head, err := r.Peek(2)
	if err != nil {
		return nil, err
	}
	if head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		return zlib.NewReader(r)
	}
	return flate.NewReader(r), nil
}

// members decodes gzip members one after another. Bytes after the last member are ignored,
// as browsers do.
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

func (m *members) Close() error { return m.one.Close() }
