package check

import (
	"maps"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/onboard/browse"
	"golang.org/x/net/html"
)

// shortest is how long a piece of text has to be to be told from others.
const shortest = 3

// tell knows pages of somebody who is signed in: by pieces of text that stand on
// them each time, and on no page of a stranger.
type tell struct{ marks []string }

// newTell takes pages of somebody signed in, each opened twice (what is on one of
// them only is a time or a token), and pages of others. What was typed, a page may
// well say again to anybody.
func newTell(signedIn [][2]*browse.Page, others []*browse.Page, typed ...string) tell {
	var t tell
	known := setOf(typed)
	for _, p := range others {
		maps.Copy(known, setOf(pieces(p)))
	}
	for _, pair := range signedIn {
		again := setOf(pieces(pair[1]))
		for _, m := range pieces(pair[0]) {
			if again[m] && !known[m] {
				t.marks, known[m] = append(t.marks, m), true
			}
		}
	}
	return t
}

// setOf is for pages with many thousands of pieces.
func setOf(pieces []string) map[string]bool {
	set := make(map[string]bool, len(pieces))
	for _, p := range pieces {
		set[p] = true
	}
	return set
}

// in gives the first mark that stands on a page.
func (t tell) in(p *browse.Page) (mark string, found bool) {
	there := setOf(pieces(p))
	i := slices.IndexFunc(t.marks, func(m string) bool { return there[m] })
	if i < 0 {
		return "", false
	}
	return t.marks[i], true
}

// pieces are a page's texts and the values of its fields. What is not HTML counts as
// one piece, by its lines.
func pieces(p *browse.Page) (all []string) {
	add := func(s string) {
		if s = strings.Join(strings.Fields(s), " "); len(s) >= shortest {
			all = append(all, s)
		}
	}
	if !p.HTML() {
		for line := range strings.Lines(p.Text()) {
			add(line)
		}
		return all
	}
	for _, n := range p.Doc().Nodes {
		for d := range n.Descendants() {
			switch {
			case d.Type == html.TextNode && d.Parent != nil && d.Parent.Data != "script" && d.Parent.Data != "style":
				add(d.Data)
			case d.Type == html.ElementNode && d.Data == "input":
				add(attribute(d, "value"))
			}
		}
	}
	return all
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name && !strings.EqualFold(attributeType(n), "hidden") {
			return a.Val
		}
	}
	return ""
}

func attributeType(n *html.Node) string {
	for _, a := range n.Attr {
		if a.Key == "type" {
			return a.Val
		}
	}
	return ""
}
