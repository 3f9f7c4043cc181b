package insert

import (
	"strings"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
)

// chain is one selector without commas, cut at its combinators: its last compound first,
// because that one is compared with the new element. Cascadia compares each compound; how
// far they lie apart is walked here, so that the work can be counted (see tree.spend).
type chain []compound

// compound is what one element is compared with.
type compound struct {
	cascadia.Sel
	// combinator is what stands before it: ' ', '>', '+' or '~', or 0 at the beginning.
	combinator byte
	// plain is what stands before its pseudo-classes, or nil. They are compared after it.
	plain cascadia.Sel
	reach reach
	// innerCombinators is how many combinators are in it, as in :not(a b).
	innerCombinators int
}

// reach is the set of elements that a compound compares.
type reach int

const (
	itself reach = iota
	// ancestorsAndSiblings: at its ancestors and the elements before it, as :nth-child and :lang do.
	ancestorsAndSiblings
	// everywhere: at the elements before its ancestors, too.
	everywhere
)

// chainsOf are the chains of a selector group. The string that cascadia makes of a selector
// is cut where it is the same again when put together; else it stays one compound.
func chainsOf(group cascadia.SelectorGroup) (chains []chain) {
	for _, sel := range group {
		c, ok := splitChain(sel.String())
		if !ok || c.String() != sel.String() {
			c = chain{{Sel: sel, reach: everywhere, innerCombinators: countCombinators(sel.String())}}
		}
		chains = append(chains, c)
	}
	return chains
}

// cut parses the compounds of a selector one by one.
func splitChain(text string) (c chain, ok bool) {
	var combinator byte
	for {
		size := compoundSize(text)
		sel, err := cascadia.Parse(text[:size])
		if err != nil {
			return nil, false
		}
		c = append(chain{compoundOf(sel, text[:size], combinator)}, c...)
		if size == len(text) {
			return c, true
		}
		combinator, _ = combinatorAt(text[size:])
		text = text[size+combinatorSize:]
	}
}

func compoundOf(sel cascadia.Sel, text string, combinator byte) compound {
	c := compound{Sel: sel, combinator: combinator}
	size := 0
	for size < len(text) && text[size] != ':' {
		size += skip(text[size:])
	}
	if size == len(text) {
		return c
	}
	c.plain, _ = cascadia.Parse(text[:size]) // an empty one is none
	c.reach, c.innerCombinators = ancestorsAndSiblings, countCombinators(text)
	if c.innerCombinators > 0 || strings.Contains(text, "abled") {
		c.reach = everywhere
	}
	return c
}

// compoundSize is the length of what a text begins with, up to a combinator or the end.
func compoundSize(text string) int {
	for i := 0; i < len(text); i += skip(text[i:]) {
		if _, ok := combinatorAt(text[i:]); ok {
			return i
		}
	}
	return len(text)
}

// combinatorAt is the combinator that a text begins with, as cascadia writes it: between two blanks.
func combinatorAt(text string) (combinator byte, ok bool) {
	if len(text) < combinatorSize || text[0] != ' ' || text[2] != ' ' || !strings.Contains(" >+~", text[1:2]) {
		return 0, false
	}
	return text[1], true
}

const combinatorSize = 3

// skip is the length of what belongs together at the beginning of a text: an escaped
// character, or what is in quotes, brackets or parentheses.
func skip(text string) int {
	closing := map[byte]byte{'"': '"', '[': ']', '(': ')'}[text[0]]
	switch {
	case text[0] == '\\':
		return min(2, len(text))
	case closing == 0:
		return 1
	}
	for i := 1; i < len(text); i++ {
		if text[i] == closing {
			return i + 1
		}
		if text[i] == '\\' || closing != '"' {
			i += skip(text[i:]) - 1
		}
	}
	return len(text)
}

// joints counts what may be combinators anywhere in a selector, rather too many than too few.
func countCombinators(text string) (n int) {
	for i := range len(text) {
		if _, ok := combinatorAt(text[i:]); ok {
			n++
		}
	}
	return n
}

func (c chain) String() string {
	text := ""
	for i := len(c) - 1; i >= 0; i-- {
		if c[i].combinator != 0 {
			text += " " + string(c[i].combinator) + " "
		}
		text += c[i].Sel.String()
	}
	return text
}

// matchesAny reports whether one of the chains leads to an element.
func (t *tree) matchesAny(chains []chain, n *html.Node) bool {
	for _, c := range chains {
		if t.matches(c, n) {
			return true
		}
	}
	return false
}

// matches walks a chain backwards from an element. It gives up when the page's work is spent.
func (t *tree) matches(c chain, n *html.Node) bool {
	if n == nil || !t.compare(&c[0], n) {
		return false
	}
	switch rest := c[1:]; c[0].combinator {
	case 0:
		return true
	case '>':
		return t.matches(rest, n.Parent)
	case '+':
		return t.matches(rest, n.PrevSibling)
	case ' ':
		for n = n.Parent; n != nil && t.over == ""; n = n.Parent {
			if t.matches(rest, n) {
				return true
			}
		}
	case '~':
		for n = n.PrevSibling; n != nil && t.over == ""; n = n.PrevSibling {
			if t.matches(rest, n) {
				return true
			}
		}
	}
	return false
}

// compare compares one element, if there is work left for it.
func (t *tree) compare(c *compound, n *html.Node) bool {
	if c.reach == itself || c.plain != nil {
		if !t.spend(weight(n)) {
			return false
		}
	}
	switch {
	case c.reach == itself:
		return c.Match(n)
	case c.plain != nil && !c.plain.Match(n):
		return false
	}
	work, one := int64(1), int64(c.reach.work(n)) // 64 bits: the product may be maxWork squared
	for range max(1, c.innerCombinators) {
		work = min(work*one, maxWork+1)
	}
	return t.spend(int(work)) && c.Match(n)
}

// weight is the work of comparing an element's own name and attributes.
func weight(n *html.Node) int {
	work := 1 + len(n.Attr)
	for _, a := range n.Attr {
		work += len(a.Val) / 16
	}
	return work
}

// work is that of looking once at all that is in reach of an element.
func (r reach) work(n *html.Node) int {
	work := weight(n)
	for s := n.PrevSibling; s != nil; s = s.PrevSibling {
		work++
	}
	for n = n.Parent; n != nil; n = n.Parent {
		work += 1 + len(n.Attr)
		for s := n; s != nil && r == everywhere; s = s.PrevSibling {
			work += weight(s)
		}
	}
	return work
}
