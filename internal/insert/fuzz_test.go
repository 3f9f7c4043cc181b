package insert

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"testing"
)

// FuzzStream: whatever a page is, and in whatever portions it comes, it goes out as it came
// but for whole pieces, and the same for all portions.
func FuzzStream(f *testing.F) {
	for _, seed := range []string{
		"<!doctype html><html><head><title>x</title></head><body><ul><li>1<li>2</ul></body></html>",
		"<p>1<div><table><tr><td>x<p></table></b></p><svg><title><p></svg>", "<b<<i></ i><!--><p>--></p><![CDATA[x]]></>",
		"<script><!--<script></script>--></script><li>", "\x00<l\x00i></li \x00>", "<ul><li></ul x=\"", "\r\n<li\r>\r", "<a><b><a><li></a></b>", "text <p><0<p>",
	} {
		f.Add([]byte(seed), uint8(3))
	}
	pieces := []Piece{Script("/MARK", "")}
	for i, selector := range []string{"li", "p + *, b ~ *", "body", "title, td", ":nth-child(2)", "*"} {
		p, err := Link(selector, Position(i%3), "/MARK", "2FA")
		if err != nil {
			f.Fatal(err)
		}
		pieces = append(pieces, p)
	}
	f.Fuzz(func(t *testing.T, page []byte, size uint8) {
		whole, _ := through(t, string(page), len(page)+1, Coding{}, pieces...)
		if portions, _ := through(t, string(page), int(size)+1, Coding{}, pieces...); portions != whole {
			t.Fatalf("in portions of %d:\n%q\nat once:\n%q", int(size)+1, portions, whole)
		}
		r := &record{t: t}
		newScanner(bytes.NewReader(page), r, wishesOf(pieces)).run()
		if r.page.String() != string(page) {
			t.Fatalf("%q\nbecame, but for its pieces,\n%q", page, r.page.String())
		}
		if r.all.String() != whole {
			t.Fatalf("%q\nis as a stream\n%q", r.all.String(), whole)
		}
	})
}

func wishesOf(pieces []Piece) (wishes []*wish) {
	for _, p := range pieces {
		wishes = append(wishes, &wish{Piece: p})
	}
	return wishes
}

// run is what a stream does with a scanner.
func (s *scanner) run() {
	s.scan()
	s.releaseAll()
	_, _ = io.Copy(s.out, struct{ io.Reader }{s.src})
}

// record tells the page's bytes from the pieces: these are written as strings.
type record struct {
	t         *testing.T
	page, all strings.Builder
}

func (r *record) Write(p []byte) (int, error) {
	r.page.Write(p)
	return r.all.Write(p)
}

// places are what may be put before and behind a piece.
var places = regexp.MustCompile(`^(</[^<>]+>)*(<li>)?(<a href="/MARK" class="secondgate-link">2FA</a>|<script src="/MARK"></script>)(</li>)?$`)

func (r *record) WriteString(s string) (int, error) {
	if s != "" && !places.MatchString(s) {
		r.t.Errorf("inserted %q", s)
	}
	return r.all.WriteString(s)
}
