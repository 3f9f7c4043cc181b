package contentcoding_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"runtime"
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

// TestAttack_K2_BoundedRead: what a body becomes is made as it is read and no further, so
// a caller that reads up to a bound, as whoami does, takes bounded memory.
func TestAttack_K2_BoundedRead(t *testing.T) {
	const size, bound, most = 256 << 20, 2 << 20, 48 << 20
	part := bytes.Repeat([]byte("x"), 1<<20)
	for name, newWriter := range map[string]func(io.Writer) (io.WriteCloser, error){
		"gzip":    func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, 1) },
		"deflate": func(w io.Writer) (io.WriteCloser, error) { return zlib.NewWriterLevel(w, 1) },
		"br":      func(w io.Writer) (io.WriteCloser, error) { return brotli.NewWriterLevel(w, 4), nil },
		"zstd":    func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
	} {
		var body bytes.Buffer
		w, err := newWriter(&body)
		if err != nil {
			t.Fatal(err)
		}
		for range size / len(part) {
			if _, err := w.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		w = nil
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := contentcoding.NewReader(name, &body)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(io.LimitReader(r, bound+1))
		runtime.ReadMemStats(&after) // TotalAlloc only grows: nothing was collected from it
		if grew := after.TotalAlloc - before.TotalAlloc; err != nil || len(plain) != bound+1 || grew > most {
			t.Errorf("%s: %d bytes, %v, took %d bytes of memory, want %d at most", name, len(plain), err, grew, most)
		}
		_ = r.Close()
	}
}
