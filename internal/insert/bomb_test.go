package insert

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
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

// gauge counts what is written and samples how large the heap is meanwhile.
type gauge struct{ written, before, peak uint64 }

func newGauge() *gauge {
	runtime.GC()
	g := &gauge{}
	g.sample()
	g.before, g.peak = g.peak, 0
	return g
}

func (g *gauge) sample() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	g.peak = max(g.peak, m.HeapAlloc)
}

func (g *gauge) Write(p []byte) (int, error) {
	g.written += uint64(len(p))
	g.sample()
	return len(p), nil
}

// growth is the heap's, in MiB.
func (g *gauge) growth() int { return (int(g.peak) - int(g.before)) >> 20 }

// TestAttack_K2_Bomb: a page that is small on the way and huge when it is decompressed
// takes bounded memory, and is given up.
func TestAttack_K2_Bomb(t *testing.T) {
	const size, most = 256 << 20, 64
	for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
		in := bomb(t, coding, size)
		for _, gz := range []bool{false, true} {
			g := newGauge()
			s := New(g, Coding{From: coding, Gzip: gz}, []Piece{link(t, "#menu", Append), Script("/x", "")})
			_, err := s.Write(in)
			g.sample()
			again := s.Close()
			if g.growth() > most {
				t.Errorf("%s, gzip %v: the heap grew by %d MiB, want %d at most", coding, gz, g.growth(), most)
			}
			if !errors.Is(err, errGrows) || !errors.Is(again, errGrows) {
				t.Errorf("%s, gzip %v: %d bytes of page became %d; error %v, %v", coding, gz, len(in), g.written, err, again)
			}
			if limit := uint64(maxPlain + maxRatio*len(in) + 1<<20); g.written > limit {
				t.Errorf("%s, gzip %v: %d bytes of page became %d, more than %d", coding, gz, len(in), g.written, limit)
			}
		}
	}
}

// TestAttack_K2_LargePage: a page is no bomb because it is large. It goes out whole, with
// its link, and takes bounded memory in whatever portions it comes.
func TestAttack_K2_LargePage(t *testing.T) {
	const most = 64
	var page strings.Builder
	page.WriteString("<ul><li>1</ul>")
	r := rand.New(rand.NewPCG(1, 2))
	for page.Len() < maxPlain+8<<20 {
		page.WriteString("<p>")
		for range 1000 {
			page.WriteByte(byte('a' + r.IntN(2)))
		}
	}
	want := strings.Replace(page.String(), "</ul>", "</li><li>"+a+"</li></ul>", 1)
	in := bytes.NewBuffer(nil)
	w, _ := gzip.NewWriterLevel(in, 1)
	_, _ = io.WriteString(w, page.String())
	_ = w.Close()
	for _, portion := range []int{4096, in.Len()} {
		same := &comparer{gauge: newGauge(), want: want}
		s := New(same, Coding{From: "gzip"}, []Piece{link(t, "ul", Append)})
		for rest := in.Bytes(); len(rest) > 0; rest = rest[min(portion, len(rest)):] {
			if _, err := s.Write(rest[:min(portion, len(rest))]); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil || same.want != "" || same.differs {
			t.Errorf("in portions of %d: %v; %d bytes are missing, differs %v", portion, err, len(same.want), same.differs)
		}
		if same.growth() > most {
			t.Errorf("in portions of %d: the heap grew by %d MiB, want %d at most", portion, same.growth(), most)
		}
	}
}

// comparer compares what is written with what should be.
type comparer struct {
	*gauge
	want    string
	differs bool
}

func (c *comparer) Write(p []byte) (int, error) {
	if rest, ok := strings.CutPrefix(c.want, string(p)); ok {
		c.want = rest
	} else {
		c.differs = true
	}
	return c.gauge.Write(p)
}

// TestAttack_K2_Consistent: what went out of a page that was given up is what its header
// says, as far as it goes: text as text, and gzip as gzip.
func TestAttack_K2_Consistent(t *testing.T) {
	in := bomb(t, "br", 64<<20)
	want := bytes.Repeat([]byte("<p>"+strings.Repeat("x", 1<<20-3)), 64)
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
	if _, err := s.Write(bomb(t, "br", 64<<20)); !errors.Is(err, io.ErrClosedPipe) {
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
