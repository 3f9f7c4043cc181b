package insert

import (
	"slices"
	"strings"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
)

// chain is one complex selector, split at its combinators, rightmost compound first: that one is
// matched against the new element. Cascadia matches each compound. This file evaluates the
// combinators itself, so that the work is counted (tree.spend).
type chain []compound

// compound is the part of a selector that is matched against one element.
type compound struct {
	cascadia.Sel
	// combinator is the one to its left: ' ', '>', '+' or '~'; 0 for the leftmost compound.
	combinator byte
	// plain is the compound without its pseudo-classes. It is matched first because it is cheap.
	// Nil if there is no pseudo-class or nothing before it.
	plain cascadia.Sel
	reach reach
	// innerCombinators is how many combinators are within the compound, as in :not(a b).
	innerCombinators int
}

// reach is the set of elements that matching a compound looks at. Its work is charged before.
type reach int

const (
	itself reach = iota
	// ancestorsAndSiblings: the element's ancestors and preceding siblings, as for :nth-child
	// and :lang.
	ancestorsAndSiblings
	// everywhere: also the preceding siblings of its ancestors.
	everywhere
)

// chainsOf returns the chains of a selector group. It splits the text that cascadia writes for
// each selector. If joining the parts does not give the same text again, the selector stays one
// compound with the highest cost.
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

// splitChain splits a selector at its combinators and parses each compound.
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

// compoundSize returns the length of text up to the first top-level combinator.
func compoundSize(text string) int {
	for i := 0; i < len(text); i += skip(text[i:]) {
		if _, ok := combinatorAt(text[i:]); ok {
			return i
		}
	}
	return len(text)
}

// combinatorAt returns the combinator at the beginning of text. Cascadia writes it between two
// blanks.
func combinatorAt(text string) (combinator byte, ok bool) {
	if len(text) < combinatorSize || text[0] != ' ' || text[2] != ' ' || !strings.Contains(" >+~", text[1:2]) {
		return 0, false
	}
	return text[1], true
}

const combinatorSize = 3

// skip returns the length of the unit at the beginning of text: an escaped character, a part in
// quotes, brackets or parentheses, or one byte.
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

// countCombinators counts what may be a combinator anywhere in a selector. An overestimate only
// raises the cost charged; an underestimate would break the bound on work.
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

// matchesAny reports whether one of the chains matches n.
func (t *tree) matchesAny(chains []chain, n *html.Node) bool {
	return slices.ContainsFunc(chains, func(c chain) bool { return t.matches(c, n) })
}

// matches reports whether a chain matches n. It walks from n to ancestors and siblings, and
// returns false once the page's work budget is used up.
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

// compare charges the cost of matching n, then matches it. It returns false if the page's work
// budget is used up.
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

// weight is the cost of matching an element's own name and attributes.
func weight(n *html.Node) int {
	work := 1 + len(n.Attr)
	for _, a := range n.Attr {
		work += len(a.Val) / 16
	}
	return work
}

// work is the cost of looking once at all elements in reach of n.
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
