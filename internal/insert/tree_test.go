package insert

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// numbered gives every start tag of a page a number, by which its element is found again.
func numbered(page string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(page))
	for n := 0; ; n++ {
		kind := z.Next()
		if kind == html.ErrorToken {
			return b.String()
		}
		raw := string(z.Raw())
		if kind == html.StartTagToken || kind == html.SelfClosingTagToken {
			name := raw[1:]
			if i := strings.IndexAny(name, " />\n"); i >= 0 {
				name = name[:i]
			}
			raw = "<" + name + fmt.Sprintf(` n="%d"`, n) + raw[1+len(name):]
		}
		b.WriteString(raw)
	}
}

// path is an element's ancestors with their numbers.
func path(n *html.Node) string {
	if n == nil || n.Type == html.DocumentNode {
		return ""
	}
	number := ""
	for _, a := range n.Attr {
		if a.Key == "n" {
			number = a.Val
		}
	}
	return path(n.Parent) + "/" + strings.ToLower(n.Data) + number
}

// browsers is what a whole parser makes of a page: the path of each numbered element.
func browsers(t testing.TB, page string) map[string]string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for n := range doc.Descendants() {
		note(all, n)
	}
	return all
}

func note(all map[string]string, n *html.Node) {
	for _, a := range n.Attr {
		if a.Key != "n" || n.Type != html.ElementNode {
			continue
		}
		if _, again := all[a.Val]; !again { // formatting that was opened anew has its number again
			all[a.Val] = path(n)
		}
	}
}

// ours is what the tree makes of it.
func ours(page string) map[string]string {
	all := make(map[string]string)
	s := newScanner(strings.NewReader(page), &strings.Builder{}, nil)
	for {
		kind := s.z.Next()
		size := len(s.z.Raw())
		switch kind {
		case html.ErrorToken:
			return all
		case html.StartTagToken, html.SelfClosingTagToken:
			s.startTag(size, kind == html.SelfClosingTagToken)
			for _, e := range s.tree.made {
				note(all, &e.node)
			}
			continue
		case html.EndTagToken:
			s.endTag(size)
			continue
		case html.TextToken:
			s.tree.text(s.z.Raw())
		case html.DoctypeToken:
			s.tree.standards = true
		}
		s.token += size
	}
}

// tags are what random pages are made of. Formatting is not among them: browsers move
// elements out of it after the fact.
var tags = strings.Fields(`<p> </p> <div> </div> <ul> </ul> <ol> <li> </li> <span> </span> <table> </table> <tr> </tr> <td> </td>
	<tbody> <thead> <th> <colgroup> <col> <dl> <dt> <dd> </dl> <h1> </h1> <h2> <form> </form> <button> </button> <br> </br>
	<hr> <input> <img> <svg> </svg> <path/> <foreignObject> <script>x</script> <title>y</title> text <section> </section> <nav>
	</nav> <select> </select> <option> <optgroup> <meta> <link> <ruby> <rt> <address> <menu> <object> </object>`)

// TestTree_AsBrowsers compares random pages, mostly broken, with what a whole parser makes
// of them.
func TestTree_AsBrowsers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 10000 {
		var b strings.Builder
		if r.IntN(2) == 0 {
			b.WriteString("<!doctype html>")
		}
		for range 1 + r.IntN(5) {
			b.WriteString(tags[r.IntN(len(tags))])
		}
		compare(t, b.String())
	}
}

func compare(t *testing.T, text string) {
	t.Helper()
	page := numbered(text)
	got := ours(page)
	for number, want := range browsers(t, page) {
		if got[number] != want {
			t.Errorf("%s\nelement %s is at %q; want %q", text, number, got[number], want)
		}
	}
}

// TestTree_Formatting is what TestTree_AsBrowsers leaves out, as far as it can be known
// in time.
func TestTree_Formatting(t *testing.T) {
	for _, page := range []string{
		"<b><p>1</p></b><p>2", "<p><b>1</b></p>", "<a>1<a>2</a><i>3</i>", "<ul><li><a>1</a><li><a>2</a></ul>",
		"<b><i>1</b>2</i><p>3", "<p>1<nobr>2<nobr>3</nobr></p><div>4", "<table><tr><td><b>1<td>2</table><p>3",
		"<html><head><title>x</title></head><body><b>1</b></body></html>", "<head></head><meta><body><p>",
		"<svg><desc><p>1</p></desc><g/></svg><p>", "<math><mi><p>1</mi></math><p>",
	} {
		compare(t, page)
	}
}

// TestTree_Bounds: deep and wide pages are given up, and go out as they are.
func TestTree_Bounds(t *testing.T) {
	for name, page := range map[string]string{
		"deep":      strings.Repeat("<div>", maxDepth+1) + "<b>x</b>",
		"wide":      strings.Repeat("<i></i>", maxSiblings+1) + "<b>x</b>",
		"kept":      strings.Repeat("<div>"+strings.Repeat("<br>", 2000), maxKept/2000+1) + "<b>x</b>",
		"huge":      strings.Repeat("text ", maxPage/5+1) + "<b>x</b>",
		"huge tag":  "<i data='" + strings.Repeat("x", 2*maxTag) + "'></i><b>x</b>",
		"long note": "<!--" + strings.Repeat("x", maxPage) + "--><b>x</b>",
	} {
		for _, size := range []int{4096, 1 << 20} {
			got, missed := through(t, page, size, Coding{}, link(t, "i ~ b, b", Append))
			if got != page || len(missed) != 1 {
				t.Errorf("%s: %d bytes of %d; missed %q", name, len(got), len(page), missed)
			}
		}
	}
	wide := strings.Repeat("<i></i>", maxSiblings+1) + "<b>x"
	if got, _ := through(t, wide+"</b>", 4096, Coding{}, link(t, "b", Append)); got != wide+a+"</b>" {
		t.Error("a wide page was given up though no selector looks at siblings")
	}
}
