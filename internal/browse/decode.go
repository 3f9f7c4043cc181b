package browse

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds what a zstd frame may ask of memory, in bytes.
const maxWindow = 8 << 20

// decoded undoes the compressions that browsers know. The transport asks for gzip and
// undoes that itself; some portals compress in their own way whatever was asked.
func decoded(h http.Header, body io.Reader) (io.Reader, error) {
	encoding := strings.ToLower(strings.TrimSpace(h.Get("Content-Encoding")))
	if encoding == "" || encoding == "identity" {
		return body, nil
	}
	in := bufio.NewReader(body)
	if _, err := in.Peek(1); errors.Is(err, io.EOF) {
		return in, nil
	}
	switch encoding {
	case "gzip", "x-gzip":
		return gzip.NewReader(in)
	case "deflate":
		return inflate(in)
	case "br":
		return brotli.NewReader(in), nil
	case "zstd":
		return zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	}
	return nil, errors.New("unknown compression")
}

// inflate takes deflate with its zlib header or, as browsers do, without.
func inflate(in *bufio.Reader) (io.Reader, error) {
	head, err := in.Peek(2)
	if err != nil {
		return nil, err
	}
	if head[0]&0x0f == 8 && (uint(head[0])<<8|uint(head[1]))%31 == 0 {
		return zlib.NewReader(in)
	}
	return flate.NewReader(in), nil
}
