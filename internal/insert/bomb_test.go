package insert

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// bomb is a page of so many bytes of text, compressed as far as it goes.
func bomb(t *testing.T, coding string, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch coding {
	case "gzip":
		w, err = gzip.NewWriterLevel(&b, 6)
	case "deflate":
		w, err = flate.NewWriter(&b, 6)
	case "br":
		w = brotli.NewWriterOptions(&b, brotli.WriterOptions{Quality: 5, LGWin: 22})
	case "zstd":
		w, err = zstd.NewWriter(&b, zstd.WithEncoderLevel(zstd.SpeedFastest))
	}
	if err != nil {
		t.Fatal(err)
	}
	part := []byte("<p>" + strings.Repeat("x", 1<<20-3))
	for range size / len(part) {
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestAttack_K2_Consistent: what went out of a page that was given up is what its header
// says, as far as it goes: text as text, and gzip as gzip.
func TestAttack_K2_Consistent(t *testing.T) {
	in := bomb(t, "br", maxPlain+4<<20)
	want := bytes.Repeat([]byte("<p>"+strings.Repeat("x", 1<<20-3)), maxPlain>>20+4)
	for _, gz := range []bool{false, true} {
		var out bytes.Buffer
		s := New(&out, Coding{From: "br", Gzip: gz}, []Piece{link(t, "#menu", Append)})
		if _, err := s.Write(in); !errors.Is(err, errGrows) {
			t.Errorf("gzip %v: error %v", gz, err)
		}
		if _, err := s.Write([]byte("x")); !errors.Is(err, errGrows) {
			t.Errorf("gzip %v: more was taken: %v", gz, err)
		}
		s.Abort()
		got := out.Bytes()
		if gz {
			z, err := gzip.NewReader(&out)
			if err != nil {
				t.Fatal(err)
			}
			if got, err = io.ReadAll(z); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("the gzip stream does not show that it broke off: %v", err)
			}
		}
		if len(got) < maxPlain || !bytes.HasPrefix(want, got) {
			t.Errorf("gzip %v: %d bytes, not a beginning of the page", gz, len(got))
		}
	}
}

// TestAttack_K2_ClientGone: a client that goes away while a page is decompressed ends the work.
func TestAttack_K2_ClientGone(t *testing.T) {
	gone := &leaving{after: 3}
	s := New(gone, Coding{From: "br"}, []Piece{link(t, "#menu", Append)})
	if _, err := s.Write(bomb(t, "br", maxPlain+4<<20)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v", err)
	}
	if err := s.Close(); err == nil || !s.hand.ended || gone.after != 0 {
		t.Errorf("%v, ended %v, %d writes left", err, s.hand.ended, gone.after)
	}
}

// leaving fails after so many writes.
type leaving struct{ after int }

func (l *leaving) Write(p []byte) (int, error) {
	if l.after--; l.after == 0 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}
