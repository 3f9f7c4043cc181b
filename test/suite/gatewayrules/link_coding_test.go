package gatewayrules

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// packed is a text in one of the ways in which portals compress.
func packed(t testing.TB, coding, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "zlib":
		w = zlib.NewWriter(&b)
	case "deflate":
		w, _ = flate.NewWriter(&b, 5)
	case "br":
		w = brotli.NewWriter(&b)
	case "zstd":
		w, _ = zstd.NewWriter(&b)
	default:
		return []byte(text)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unpacked decompresses a response by its Content-Encoding.
func unpacked(t testing.TB, p *harness.Page) string {
	t.Helper()
	var r io.Reader = strings.NewReader(p.Body)
	switch coding := p.Header.Get("Content-Encoding"); coding {
	case "gzip":
		g, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		r = g
	case "zstd":
		z, err := zstd.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		r = z
	case "":
	default:
		t.Fatalf("compressed as %q", coding)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestLink_Codings: the link is in the page for every content coding of the portal, and the
// response has a coding that the browser accepts.
func TestLink_Codings(t *testing.T) {
	asked := make(chan string, 1)
	h := harness.Start(t, pages(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Header.Get("Accept-Encoding")
		html(w)
		coding := r.FormValue("coding")
		body := packed(t, coding, menu)
		if coding == "zlib" {
			coding = "deflate"
		}
		if coding != "" {
			w.Header().Set("Content-Encoding", coding)
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = w.Write(body)
	}), aLink)
	b := signedIn(t, h)
	for _, test := range []struct{ coding, accepts, asks, sends string }{
		{"", "identity", "identity", ""},
		{"", "gzip, br", "gzip", ""},
		{"gzip", "gzip, br, zstd", "gzip", "gzip"},
		{"gzip", "gzip;q=0, br", "identity", ""},
		{"gzip", "identity", "identity", ""},
		{"deflate", "gzip", "gzip", "gzip"},
		{"zlib", "gzip", "gzip", "gzip"},
		{"zlib", "br", "identity", ""},
		{"br", "gzip", "gzip", "gzip"},
		{"br", "br", "identity", ""},
		{"zstd", "gzip", "gzip", "gzip"},
		{"zstd", "identity", "identity", ""},
	} {
		r := b.Request(http.MethodGet, "/p/?coding="+test.coding, nil)
		r.Header.Set("Accept-Encoding", test.accepts)
		p := b.Do(r)
		if got := <-asked; got != test.asks {
			t.Errorf("%+v: the portal was asked for %q", test, got)
		}
		if got := p.Header.Get("Content-Encoding"); got != test.sends {
			t.Errorf("%+v: sent as %q", test, got)
		}
		if got := unpacked(t, p); got != menued {
			t.Errorf("%+v: %q", test, got)
		}
		if p.Header.Get("Content-Length") != "" && p.Header.Get("Content-Length") != fmt.Sprint(len(p.Body)) {
			t.Errorf("%+v: a length of %s for %d bytes", test, p.Header.Get("Content-Length"), len(p.Body))
		}
	}
}

// TestLink_Encode: Caddy's own compression works before and behind the gate.
func TestLink_Encode(t *testing.T) {
	long := menu + strings.Repeat("long enough to be compressed ", 100)
	portal := pages(func(w http.ResponseWriter, r *http.Request) {
		html(w)
		fmt.Fprint(w, long)
	})
	want := strings.Replace(long, menu, menued, 1)
	gate := "two_factor {\n" + aLink + "\n}\n"
	for name, site := range map[string]string{
		"before": "route {\nencode\n" + gate + "reverse_proxy PORTAL\n}",
		"behind": "encode\n" + gate + "reverse_proxy PORTAL",
	} {
		t.Run(name, func(t *testing.T) {
			b := signedIn(t, harness.StartSite(t, portal, site))
			for _, accepts := range []string{"gzip", "zstd, gzip", "identity"} {
				r := b.Request(http.MethodGet, "/p/", nil)
				r.Header.Set("Accept-Encoding", accepts)
				p := b.Do(r)
				if got := unpacked(t, p); got != want {
					t.Errorf("%s: %q", accepts, got)
				}
				if coding := p.Header.Get("Content-Encoding"); (coding == "") != (accepts == "identity") || !strings.Contains(accepts, coding) {
					t.Errorf("%s: sent as %q", accepts, coding)
				}
			}
		})
	}
}
