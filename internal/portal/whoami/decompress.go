package whoami

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds what a zstd frame may ask of memory, in bytes (RFC 8878 3.1.1.1.2
// and RFC 9659 for the Web).
const maxWindow = 8 << 20

// decompress undoes what some portals do to a body although identity was asked for:
// one of the encodings that browsers understand.
func decompress(body []byte, encodings []string) ([]byte, error) {
	encoding := strings.ToLower(strings.TrimSpace(strings.Join(encodings, ",")))
	if encoding == "" || encoding == "identity" || len(body) == 0 {
		return body, nil
	}
	r, err := decompressor(encoding, body)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	plain, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	switch {
	case err != nil:
		return nil, errors.New("the body can't be decompressed")
	case len(plain) > maxBody:
		return nil, errTooLarge
	}
	return plain, nil
}

func decompressor(encoding string, body []byte) (r io.ReadCloser, err error) {
	in := bytes.NewReader(body)
	switch encoding {
	case "gzip", "x-gzip":
		r, err = gzip.NewReader(in)
	case "deflate":
		// Meant is zlib (RFC 9110 8.4.1.2); some servers send it bare, and browsers take both.
		if r, err = zlib.NewReader(in); errors.Is(err, zlib.ErrHeader) {
			r, err = flate.NewReader(bytes.NewReader(body)), nil
		}
	case "br":
		r = io.NopCloser(brotli.NewReader(in))
	case "zstd":
		var d *zstd.Decoder
		if d, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow)); err == nil {
			r = d.IOReadCloser()
		}
	default:
		return nil, errors.New("the body is compressed in a way that is not understood; the portal was asked for identity")
	}
	if err != nil {
		return nil, errors.New("the body can't be decompressed")
	}
	return r, nil
}
