//go:build !race

package insert

// Here is what measures memory and work: single goroutines, which the race detector makes
// twenty times as slow and in which it finds nothing. ./test/run runs this package without it, too.

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
)

// gauge counts what is written and samples how large the heap is meanwhile, once per
// sampleEvery bytes, since a sample stops all goroutines.
type gauge struct{ written, sampled, before, peak uint64 }

const sampleEvery = 1 << 20

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
	if g.written-g.sampled >= sampleEvery {
		g.sampled = g.written
		g.sample()
	}
	return len(p), nil
}

// growth is the heap's, in MiB.
func (g *gauge) growth() int { return (int(g.peak) - int(g.before)) >> 20 }

// TestAttack_K2_Bomb: a page that is small on the way and huge when it is decompressed
// takes bounded memory, and is given up.
func TestAttack_K2_Bomb(t *testing.T) {
	const size, most = 128 << 20, 64
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

// shapes are pages of a size that cost as much as a page of their kind can.
var shapes = map[string]func(size int) string{
	"a second body":         func(n int) string { return fill("", "<body"+numberedAttributes(26000)+">", n) },
	"a second body, small":  func(n int) string { return fill("<body>", "<body"+numberedAttributes(120)+">", n) },
	"a second html":         func(n int) string { return fill("", "<html"+numberedAttributes(26000)+">", n) },
	"many attributes":       func(n int) string { return fill("<p"+numberedAttributes(25000)+">", "<br b>", n) },
	"one attribute often":   func(n int) string { return fill("<p", " a", n) + ">" },
	"a long attribute":      func(n int) string { return fill("<p a='", "x", n) + "'>" },
	"attributes at the end": func(n int) string { return fill("<p></p", " a b", n) + ">" },
	"a long class above":    func(n int) string { return fill("<body class='"+strings.Repeat("x ", 20000)+"'>", "<li></li>", n) },
	"long names":            func(n int) string { return fill("", "<x"+strings.Repeat("y", 8000)+">", n) + "</body>" },
	"deep":                  func(n int) string { return fill(deep(500), "<hr>", n) },
	"deep behind a button":  func(n int) string { return fill("<body><p><button>"+deep(490), "<hr>", n) },
	"deep in a template":    func(n int) string { return fill("<body><template>"+deep(490), "<hr>", n) },
	"deep in a list":        func(n int) string { return fill("<body>"+strings.Repeat("<ul>", 500), "<li></li>", n) },
	"deep in drawings":      func(n int) string { return fill("<body>"+strings.Repeat("<svg><title>", 250), "<hr>", n) },
	"drawings":              func(n int) string { return fill("<body>"+strings.Repeat("<svg>", 500), "</x>", n) },
	"deep items":            func(n int) string { return fill(deep(500), "<li></li>", n) },
	"deep fields":           func(n int) string { return fill(deep(500), "<input>", n) },
	"deep forms":            func(n int) string { return fill(deep(490), "<form></form>", n) },
	"deep tables":           func(n int) string { return fill(deep(490), "<table></table>", n) },
	"deep links":            func(n int) string { return fill("<body>"+strings.Repeat("<i>", 490), "<a><p>", n) },
	"nested lists":          func(n int) string { return fill("<body><nav>"+strings.Repeat("<ul><li>", 240), "<i></i>", n) },
	"ends of nothing":       func(n int) string { return fill(deep(500), "</q>", n) },
	"never ended":           func(n int) string { return fill("<body>", "<ul><li>", n) },
	"formatting":            func(n int) string { return fill("<body>", "<b><p></b>", n) },
	"wide":                  func(n int) string { return fill("<body>", "<p>"+strings.Repeat("<i>x</i>", 1500)+"</p>", n) },
	"wide and deep":         func(n int) string { return fill("<body>", "<div>"+strings.Repeat("<br>", 2000), n) },
	"astray in a table":     func(n int) string { return fill(deep(480)+"<table>", "<b></b>", n) },
	"tables":                func(n int) string { return fill("<body>", "<table>", n) },
	"templates":             func(n int) string { return fill("<body>", "<template>", n) },
	"options":               func(n int) string { return fill("<body><select>", "<option>", n) },
	"metas":                 func(n int) string { return fill("<head>", "<meta content=x>", n) },
	"a comment":             func(n int) string { return fill("<!--", "x", n) + "-->" },
	"text":                  func(n int) string { return fill("", "x ", n) },
	"blanks":                func(n int) string { return fill("", " ", n) },
	"less-than signs":       func(n int) string { return fill("<title>", "<", n) },
	"a script":              func(n int) string { return fill("<script>", "</scrip><!--<script>", n) },
}

// selectors look far: up, back, and at every attribute.
var selectors = []string{".x li", "nav ul li .x", "i ~ br + br", "li:nth-child(9999)", ":not(.x p ul) > hr"}

func deep(n int) string { return "<body>" + strings.Repeat("<span>", n) }

// worked is what a page costs, and whether it was given up.
func worked(t *testing.T, page, selector string) (work int, gaveUp bool) {
	t.Helper()
	r := &record{t: t}
	to, err := Link(selector, Append, "/MARK", "2FA")
	if err != nil {
		t.Fatal(err)
	}
	s := newScanner(strings.NewReader(page), r, wishesOf([]Piece{Script("/MARK", ""), to}))
	s.run()
	if s.tree.over != "" && r.page.String() != page {
		t.Errorf("a page that was given up was changed")
	}
	return s.tree.work, s.tree.over != ""
}

// TestAttack_K5_Work: twice the page is twice the work, whatever is in it, until the
// page is given up; and that comes in time.
func TestAttack_K5_Work(t *testing.T) {
	for name, shape := range shapes {
		for _, selector := range selectors {
			var work [3]int // a page begins with what makes it costly, so only growth is compared
			over := false
			for i := range work {
				if work[i], over = worked(t, shape(64<<10<<i), selector); over {
					break
				}
			}
			if slices.Max(work[:]) > maxWork+maxWork/8 {
				t.Errorf("%s, %s: %d steps, want %d at most", name, selector, work, maxWork)
			}
			if grew := float64(work[2]-work[1]) / float64(max(work[1]-work[0], 1000)); !over && grew > 2.5 {
				t.Errorf("%s, %s: %d steps, each for twice the page", name, selector, work)
			}
		}
	}
}

// TestAttack_K5_CPU: what is not counted as work does not cost much either. No page takes
// many times as long as an ordinary one of its size, also in tiny portions.
func TestAttack_K5_CPU(t *testing.T) {
	const size, times = 256 << 10, 25
	for _, portion := range []int{32 << 10, 16} {
		usual := max(spent(t, ordinary(size), "#x", portion), spent(t, ordinary(size), "#x", portion))
		for name, shape := range shapes {
			for _, selector := range selectors {
				took := spent(t, shape(size), selector, portion)
				for range 5 { // again, in case the machine was busy
					if took > times*usual {
						took = min(took, spent(t, shape(size), selector, portion))
					}
				}
				if took > times*usual {
					t.Errorf("%s, %s, in portions of %d: %s, an ordinary page takes %s", name, selector, portion, took, usual)
				}
				if portion < 1000 {
					break
				}
			}
		}
	}
}

// spent is the processor time that a page takes.
func spent(t *testing.T, page, selector string, portion int) time.Duration {
	t.Helper()
	began := used(t)
	s := New(io.Discard, Coding{}, []Piece{Script("/x", ""), link(t, selector, Append)})
	for rest := []byte(page); len(rest) > 0; rest = rest[min(portion, len(rest)):] {
		if _, err := s.Write(rest[:min(portion, len(rest))]); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return used(t) - began
}

func used(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// ordinary is a page as portals have them, with a menu at its end.
func ordinary(size int) string {
	rows := fill("", `<tr class="row odd"><td>1<td><a href="/order?id=17" title="An order">Order 17</a><td>12.00 EUR</tr>`+"\n", 60<<10)
	head := `<!doctype html><html lang=fi><head><title>x</title></head><body class="page wide"><div id=main><div class=content>`
	return fill(head, "<div><h2>Orders</h2><table><tbody>"+rows+"</tbody></table></div>", size) + `</div></div><nav><ul class=menu><li>1<li>2</ul></nav>`
}

// TestWork_Ordinary: the bounds are far from what portals' pages need.
func TestWork_Ordinary(t *testing.T) {
	for _, selector := range []string{"nav ul", "body.page > nav .menu", "#main ~ nav ul:first-child", "nav > ul:not(.page .content ul)", "nav ul.menu"} {
		page := ordinary(maxPage / 2)
		work, over := worked(t, page, selector)
		if over || work > maxWork/2 {
			t.Errorf("%s: %d steps of %d for %d bytes", selector, work, maxWork, len(page))
		}
		if got, _ := through(t, page, 4096, Coding{}, link(t, selector, Append)); !strings.HasSuffix(got, "<li>2</li><li>"+a+"</li></ul></nav>") {
			t.Errorf("%s: no link", selector)
		}
	}
}

// fill repeats a part until the page has a size.
func fill(begin, part string, size int) string {
	return begin + strings.Repeat(part, max(1, (size-len(begin))/len(part)))
}
