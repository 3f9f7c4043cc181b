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

// through sends a page through a stream in portions of a size, and returns what came out.
func through(t testing.TB, page string, size int, coding Coding, pieces ...Piece) (string, []string) {
	t.Helper()
	var out bytes.Buffer
	s := New(&out, coding, pieces)
	for len(page) > 0 {
		n := min(size, len(page))
		if _, err := s.Write([]byte(page[:n])); err != nil {
			t.Fatal(err)
		}
		page = page[n:]
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s.Panicked != nil {
		t.Fatal(s.Panicked)
	}
	return out.String(), s.Missed()
}

func link(t testing.TB, selector string, where Position) Piece {
	t.Helper()
	p, err := Link(selector, where, "/2fa/", "2FA")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const a = `<a href="/2fa/" class="secondgate-link">2FA</a>`

func TestStream_Places(t *testing.T) {
	for _, test := range []struct {
		name, selector string
		where          Position
		page, want     string // ¦ stands for the link
	}{
		{"append", "#m", Append, `<div id=m>x</div>`, `<div id=m>x¦</div>`},
		{"before", "#m", Before, `<div id=m>x</div>`, `¦<div id=m>x</div>`},
		{"after", "#m", After, `<div id=m>x</div>y`, `<div id=m>x</div>¦y`},
		{"first only", "p", Append, `<p>1</p><p>2</p>`, `<p>1¦</p><p>2</p>`},
		{"list", "ul", Append, `<ul><li>1</li></ul>`, `<ul><li>1</li><li>¦</li></ul>`},
		{"list without end tags", "ul", Append, `<ul><li>1<li>2</ul>`, `<ul><li>1<li>2</li><li>¦</li></ul>`},
		{"item", "#b", Before, `<ul><li>1<li id=b>2</ul>`, `<ul><li>1</li><li>¦</li><li id=b>2</ul>`},
		{"behind an item without end tag", "#b", After, `<ol><li id=b>1<li>2</ol>`, `<ol><li id=b>1</li><li>¦</li><li>2</ol>`},
		{"in an item", "li", Append, `<ul><li>1<li>2</ul>`, `<ul><li>1¦<li>2</ul>`},
		{"void", "img", After, `<p><img src=x>text`, `<p><img src=x>¦text`},
		{"paragraph that a block ends", "div", Before, `<p>1<div>2</div>`, `<p>1</p>¦<div>2</div>`},
		{"sibling", "b + i", Append, `<b></b>x<i>1</i>`, `<b></b>x<i>1¦</i>`},
		{"any sibling", "b ~ i", Append, `<i></i><b></b><u></u><i>1</i>`, `<i></i><b></b><u></u><i>1¦</i>`},
		{"child", "body > nav", Append, `<div><nav></nav></div><nav></nav>`, `<div><nav></nav></div><nav>¦</nav>`},
		{"nth", "nav:nth-child(2)", Append, `<body><nav></nav><nav></nav>`, `<body><nav></nav><nav>¦</nav>`},
		{"two selectors", "h1, nav", Append, `<nav></nav><h1></h1>`, `<nav>¦</nav><h1></h1>`},
		{"attribute", `a[href$="do=logout"]`, After, `<a href="?x">1</a><a href="?do=logout">2</a>`, `<a href="?x">1</a><a href="?do=logout">2</a>¦`},
		{"in no comment", "#m", Append, `<!-- <i id=m></i> --><b id=m></b>`, `<!-- <i id=m></i> --><b id=m>¦</b>`},
		{"in no script", "#m", Append, `<script>"<i id=m></i>"</script><b id=m></b>`, `<script>"<i id=m></i>"</script><b id=m>¦</b>`},
		{"in no script within a comment", "#m", Append, `<script><!--<script></script><i id=m></i>--></script><b id=m></b>`,
			`<script><!--<script></script><i id=m></i>--></script><b id=m>¦</b>`},
		{"in no text field", "#m", Append, `<textarea><i id=m></i></textarea><b id=m></b>`, `<textarea><i id=m></i></textarea><b id=m>¦</b>`},
		{"in no template", "#m", Append, `<template><i id=m></i></template><b id=m></b>`, `<template><i id=m></i></template><b id=m>¦</b>`},
		{"in no noscript", "#m", Append, `<noscript><i id=m></i></noscript><b id=m></b>`, `<noscript><i id=m></i></noscript><b id=m>¦</b>`},
		{"behind a drawing", "#m", Append, `<svg><title><b id=x></b></title><style><p id=m>1</p></style></svg>`,
			`<svg><title><b id=x></b></title><style><p id=m>1¦</p></style></svg>`},
		{"uppercase", "div.menu", Append, `<DIV CLASS=menu>x</DIV >`, `<DIV CLASS=menu>x¦</DIV >`},
		{"never ended", "ul", Append, `<ul><li>1`, `<ul><li>1</li><li>¦</li>`},
		{"body", "body", Append, `<html><body><p>x</body></html>`, `<html><body><p>x</p>¦</body></html>`},
		{"implied body", "body", Append, `<p>x`, `<p>x</p>¦`},
		{"in a cell", "td", Append, `<table><tr><td>1<td>2</table>`, `<table><tr><td>1¦<td>2</table>`},
		{"body of a table that has none", "tbody > tr > td", Append, `<table><tr><td>1</table>`, `<table><tr><td>1¦</table>`},
		{"astray in a table", "i", Append, `<table><i>1</i></table>`, `<table><i>1¦</i></table>`},

		{"no match", "#n", Append, `<div id=m></div>`, ""},
		{"in no other link", "b", Append, `<a href=x><b></b></a>`, ""},
		{"in no button", "button", Append, `<button>x</button>`, ""},
		{"in no row", "tr", Append, `<table><tr><td></table>`, ""},
		{"beside no row", "tr", After, `<table><tr><td></table>`, ""},
		{"in no head", "title", After, `<head><title>x</title></head>`, ""},
		{"in no script itself", "script", Append, `<body><script>x</script>`, ""},
		{"in no void", "img", Append, `<p><img>`, ""},
		{"breaks off in a tag", "p", Append, `<p>x<b clas`, ""},
		{"breaks off in a script", "p", Append, `<p>x<script>y`, ""},
		{"UTF-16", "p", Append, "\xff\xfe<p></p>", ""},
		{"a charset with shifts", "p", Append, `<meta charset=ISO-2022-JP><p></p>`, ""},
		{"as text", "#m", Append, `<plaintext><i id=m></i>`, ""},
		{"empty", "p", Append, ``, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := strings.ReplaceAll(test.want, "¦", a)
			if want == "" {
				want = test.page
			}
			for size := 1; size <= len(test.page)+1; size++ {
				got, missed := through(t, test.page, size, Coding{}, link(t, test.selector, test.where))
				if got != want {
					t.Fatalf("in portions of %d:\n%s\nwant\n%s", size, got, want)
				}
				if (test.want == "") != (len(missed) == 1) {
					t.Errorf("missed: %q", missed)
				}
			}
		})
	}
}

func TestStream_Script(t *testing.T) {
	const script = `<script src="/2fa/a.js"></script>`
	for _, test := range []struct{ name, page, want string }{
		{"head", `<!doctype html><html><head lang=x><meta><script>1</script>`, `<!doctype html><html><head lang=x>¦<meta><script>1</script>`},
		{"implied head", `<!doctype html><title>x</title><script>1</script>`, `<!doctype html>¦<title>x</title><script>1</script>`},
		{"implied by the body", `<html><body><script>1</script>`, `<html>¦<body><script>1</script>`},
		{"implied by a block", `<div></div>`, `¦<div></div>`},
		{"behind a comment", `<!-- <head> --><head>`, `<!-- <head> --><head>¦`},
		{"text before all", `x<head><p>`, ""},
		{"no page", `done`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := strings.ReplaceAll(test.want, "¦", script)
			if want == "" {
				want = test.page
			}
			for size := 1; size <= len(test.page)+1; size++ {
				if got, _ := through(t, test.page, size, Coding{}, Script("/2fa/a.js", "")); got != want {
					t.Fatalf("in portions of %d:\n%s\nwant\n%s", size, got, want)
				}
			}
		})
	}
}

// TestStream_SeveralPieces: each finds its own place, also the same one.
func TestStream_SeveralPieces(t *testing.T) {
	page := `<head><title>x</title></head><ul id=m><li>1</ul><p>2`
	want := `<head><script src="/s"></script><title>x</title></head><ul id=m><li>1</li><li>` + a + `</li><li>` + a + `</li></ul>` + a + `<p>2`
	got, missed := through(t, page, 7, Coding{}, Script("/s", ""), link(t, "ul", Append), link(t, "#m", Append), link(t, "#m", After), link(t, "b", After))
	if got != want || len(missed) != 1 {
		t.Errorf("%s %q", got, missed)
	}
}

// TestStream_AtOnce: text goes out as it comes, and of a tag nothing until it is whole.
func TestStream_AtOnce(t *testing.T) {
	var out strings.Builder
	s := New(&out, Coding{}, []Piece{link(t, "b", Before)})
	defer s.Abort()
	for _, step := range []struct{ in, out string }{
		{"<p", ""}, {">te", "<p>te"}, {"xt ", "xt "}, {"1 < 2 <", "1 < 2 "}, {" 3", "< 3"}, {"<", ""}, {"!-", "<!-"}, {"- no", "- no"},
		{"te --><scr", "te -->"}, {"ipt>var", "<script>var"}, {" a = '</", " a = '</"}, {"script", "script"}, {"><i", ">"}, {"></i><b", "<i></i>"},
		{" class=x", ""}, {">", a + "<b class=x>"}, {"<i", "<i"}, {" x", " x"},
	} {
		out.Reset()
		if _, err := s.Write([]byte(step.in)); err != nil || out.String() != step.out {
			t.Fatalf("%q: sent %q %v; want %q", step.in, out.String(), err, step.out)
		}
	}
}

// TestStream_Abort: what was held goes nowhere, and nothing runs on.
func TestStream_Abort(t *testing.T) {
	var out strings.Builder
	s := New(&out, Coding{From: "gzip", Gzip: true}, []Piece{link(t, "b", Before)})
	_, _ = s.Write([]byte{0x1f, 0x8b})
	s.Abort()
	if _, err := s.Write([]byte("x")); err == nil || out.Len() != 0 || !s.hand.ended {
		t.Errorf("%v %q", err, out.String())
	}
}

// TestStream_ClientGone: an error of the client's is the writer's.
func TestStream_ClientGone(t *testing.T) {
	s := New(failing{}, Coding{}, []Piece{link(t, "b", Before)})
	defer s.Abort()
	if _, err := s.Write([]byte("text")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestStream_Codings: every coding, in every portion, comes out with the link; broken
// input comes out as far as it can be read, and is told.
func TestStream_Codings(t *testing.T) {
	page := strings.Repeat("<p>text</p>", 500) + "<ul><li>1</ul>"
	want := strings.Replace(page, "</ul>", "</li><li>"+a+"</li></ul>", 1)
	for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
		in := packed(t, coding, page)
		for _, size := range []int{1, 10, len(in)} {
			for _, gz := range []bool{true, false} {
				got, _ := through(t, string(in), size, Coding{From: coding, Gzip: gz}, link(t, "ul", Append))
				if gz {
					got = unpacked(t, got)
				}
				if got != want {
					t.Errorf("%s in %d: %d bytes; want %d", coding, size, len(got), len(want))
				}
			}
		}
		var out strings.Builder
		s := New(&out, Coding{From: coding}, []Piece{link(t, "ul", Append)})
		_, _ = s.Write(in[:len(in)-9])
		if err := s.Close(); err == nil || !strings.HasPrefix(want, out.String()) {
			t.Errorf("%s, broken off: %v %q", coding, err, out.String())
		}
		s = New(&out, Coding{From: coding}, []Piece{link(t, "ul", Append)})
		if _, err := s.Write([]byte("this is no compressed page at all")); err == nil {
			err = s.Close()
			t.Errorf("%s, not compressed: %v", coding, err)
		}
		s.Abort()
		if got, _ := through(t, "", 1, Coding{From: coding, Gzip: true}, link(t, "ul", Append)); got != "" {
			t.Errorf("%s, empty: %q", coding, got)
		}
	}
	if got, _ := through(t, string(packed(t, "gzip", page[:99]))+string(packed(t, "gzip", page[99:])), 100, Coding{From: "gzip"}, link(t, "ul", Append)); got != want {
		t.Errorf("two members: %d bytes", len(got))
	}
	if got, _ := through(t, string(packed(t, "gzip", page))+"garbage", 100, Coding{From: "gzip"}, link(t, "ul", Append)); got != want {
		t.Errorf("garbage behind: %d bytes", len(got))
	}
}

func packed(t testing.TB, coding, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	switch coding {
	case "deflate":
		w, _ = flate.NewWriter(&b, 5)
	case "br":
		w = brotli.NewWriter(&b)
	case "zstd":
		w, _ = zstd.NewWriter(&b)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unpacked(t testing.TB, s string) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPieces: text is text, in every charset.
func TestPieces(t *testing.T) {
	p, err := Link("b", Append, "/2fa/", `Sécurité <"&'> 鍵`)
	if err != nil || p.html != `<a href="/2fa/" class="secondgate-link">S&#233;curit&#233; &lt;&#34;&amp;&#39;&gt; &#37749;</a>` {
		t.Errorf("%s %v", p.html, err)
	}
	if got := Script(`/a"b`, "n0nce").html; got != `<script src="/a&#34;b" nonce="n0nce"></script>` {
		t.Error(got)
	}
	if _, err := Link("ul[", Append, "/", "x"); err == nil {
		t.Error("no selector, and no error")
	}
}

// TestStream_Window: memory for a page is not what its frame demands.
func TestStream_Window(t *testing.T) {
	const maxWindow = 8 << 20 // RFC 9659
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithWindowSize(4*maxWindow), zstd.WithSingleSegment(false))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(bytes.Repeat([]byte("<p>text</p>"), 4*maxWindow/11+1))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s := New(io.Discard, Coding{From: "zstd"}, []Piece{link(t, "ul", Append)})
	defer s.Abort()
	if _, err := s.Write(b.Bytes()); err == nil {
		t.Error("a window of four times what browsers give was taken")
	}
}
