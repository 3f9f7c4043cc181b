package contentcoding_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/secondgate/secondgate/internal/contentcoding"
)

const text = "<p>Hei, Mäkinen</p>"

func packed(t *testing.T, name string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch name {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "zlib":
		w = zlib.NewWriter(&b)
	case "flate":
		w, err = flate.NewWriter(&b, 9)
	case "br":
		w = brotli.NewWriter(&b)
	case "zstd":
		w, err = zstd.NewWriter(&b)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestNewReader(t *testing.T) {
	gz := packed(t, "gzip")
	for _, c := range []struct{ what, name, body, want string }{
		{"none", "", text, text},
		{"gzip", "gzip", gz, text},
		{"gzip in two members", "gzip", gz + gz, text + text},
		{"gzip and something behind it", "gzip", gz + "\x00\x00garbage", text},
		{"deflate", "deflate", packed(t, "zlib"), text},
		{"deflate without its frame", "deflate", packed(t, "flate"), text},
		{"brotli", "br", packed(t, "br"), text},
		{"zstd", "zstd", packed(t, "zstd"), text},
		{"nothing at all", "gzip", "", ""},
	} {
		r, err := contentcoding.NewReader(c.name, strings.NewReader(c.body))
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != c.want || r.Close() != nil {
			t.Errorf("%s: %q, %v, want %q", c.what, got, err, c.want)
		}
	}
	for what, body := range map[string]string{"cut off": gz[:len(gz)-12], "of another kind": text} {
		r, err := contentcoding.NewReader("gzip", strings.NewReader(body))
		if err == nil {
			_, err = io.ReadAll(r)
		}
		if err == nil {
			t.Errorf("gzip %s is no error", what)
		}
	}
}

func TestName(t *testing.T) {
	for value, want := range map[string]string{"": "", "identity": "", " GZip ": "gzip", "x-gzip": "gzip", "br": "br", "zstd": "zstd", "deflate": "deflate"} {
		if got, err := contentcoding.Name([]string{value}); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", value, got, err, want)
		}
	}
	for _, values := range [][]string{{"gzip, br"}, {"gzip", "gzip"}, {"compress"}} {
		if got, err := contentcoding.Name(values); err != contentcoding.ErrUnknown {
			t.Errorf("%q: %q, %v, want %v", values, got, err, contentcoding.ErrUnknown)
		}
	}
}
