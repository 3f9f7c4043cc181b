package portalkinds

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// bySize are portals with a large page for whoami.
var bySize = []kind{
	{name: "page-40k", file: "large-page", portal: sized(40 << 10)},
	{name: "page-1M", file: "large-page", portal: sized(1 << 20), short: sized(64 << 10)},
}

// sized is a portal with a whoami response of exactly this many bytes for users.
func sized(size int) func() *portal {
	return whoamiPage(func(a *account) reply {
		if a == nil {
			return found("/login")
		}
		out := page(`<i id="me">` + strconv.FormatInt(a.ID, 10) + "</i>")
		out.body += strings.Repeat("<p>filler</p>", (size-len(out.body))/len("<p>filler</p>"))
		out.body += strings.Repeat(" ", size-len(out.body))
		return out
	})
}

// TestTooLarge: a whoami response beyond the limit is an unknown answer. No user passes, and the
// log states the remedy.
func TestTooLarge(t *testing.T) {
	for name, p := range map[string]*portal{
		"as it is sent": sized(1<<20 + 1)(), "decompressed": compressing("br", sized(2<<20+1)()),
	} {
		k := &kind{name: "large-page"}
		h := k.run(t, p)
		v := k.visitor(t, h)
		page := v.open("/login")
		page = v.submit(page, "form.login", map[string]string{"login": "alice", "password": "pw-alice"})
		if page.Status != http.StatusServiceUnavailable || v.saw("SECRET", 0) {
			t.Errorf("%s: %d\n%s", name, page.Status, v.seen.String())
		}
		const want = "whoami 1: /me: status 200: the page is too large to be read (1 MiB as it is sent, 2 MiB decompressed): want a smaller page for whoami"
		if log := h.LogText(); !strings.Contains(log, want) {
			t.Errorf("%s: the log does not say: %s", name, want)
		}
	}
}

// byCompression are portals that ignore Accept-Encoding and compress.
var byCompression = []kind{
	{name: "gzip", file: "usual", portal: compressed("gzip")},
	{name: "deflate", file: "usual", portal: compressed("deflate")},
	{name: "bare-deflate", file: "usual", portal: compressed("Deflate")},
	{name: "brotli", file: "usual", portal: compressed("br")},
	{name: "zstd", file: "usual", portal: compressed("zstd")},
}

func compressed(encoding string) func() *portal {
	return func() *portal { return compressing(encoding, &portal{keeper: serverSide()}) }
}

// compressing has a portal compress every body. "Deflate" is sent bare, as by old servers
// that read RFC 2616 literally.
func compressing(encoding string, p *portal) *portal {
	p.finish = func(_ *http.Request, out *reply) []byte {
		var b bytes.Buffer
		w := compressor(encoding, &b)
		if _, err := io.WriteString(w, out.body); err != nil {
			panic(err)
		}
		if err := w.Close(); err != nil {
			panic(err)
		}
		out.header.Set("Content-Encoding", encoding)
		return b.Bytes()
	}
	return p
}

func compressor(encoding string, to io.Writer) io.WriteCloser {
	switch encoding {
	case "gzip":
		return gzip.NewWriter(to)
	case "deflate":
		return zlib.NewWriter(to)
	case "br":
		return brotli.NewWriter(to)
	}
	w, err := io.WriteCloser(nil), error(nil)
	if encoding == "zstd" {
		w, err = zstd.NewWriter(to)
	} else {
		w, err = flate.NewWriter(to, flate.BestSpeed)
	}
	if err != nil {
		panic(err)
	}
	return w
}

// decompressed is a body as browsers read it.
func decompressed(res *http.Response) (io.ReadCloser, error) {
	if res.ContentLength == 0 {
		return res.Body, nil
	}
	switch encoding := res.Header.Get("Content-Encoding"); encoding {
	case "":
		return res.Body, nil
	case "gzip":
		return gzip.NewReader(res.Body)
	case "deflate":
		return zlib.NewReader(res.Body)
	case "Deflate":
		return flate.NewReader(res.Body), nil
	case "br":
		return io.NopCloser(brotli.NewReader(res.Body)), nil
	case "zstd":
		d, err := zstd.NewReader(res.Body)
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	default:
		return nil, fmt.Errorf("no browser knows the encoding %s", encoding)
	}
}
