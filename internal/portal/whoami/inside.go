package whoami

import (
	"strings"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
)

// An extractor or a sign may have a second step inside the text or attribute of an element: JSON
// that the page contains for its scripts, or a part of a link. All elements that the selector finds
// are read. If one of them can't be read, the result is ambiguous.

// inside calls look with the text, or the attribute, of each element.
func (p *page) inside(sel cascadia.SelectorGroup, attr string, look func(text string) ([]string, error)) (found []string, err error) {
	texts, err := p.elements(sel, attr, rawText)
	if err != nil {
		return nil, err
	}
	for _, text := range texts {
		values, err := look(text)
		if err != nil {
			return nil, err
		}
		found = append(found, values...)
	}
	return found, nil
}

// contains reports whether holds is true for the text, or the attribute, of at least one element.
func (p *page) contains(sel cascadia.SelectorGroup, attr string, holds func(text string) bool) bool {
	texts, err := p.elements(sel, attr, rawText)
	if err != nil {
		return false
	}
	for _, text := range texts {
		if holds(text) {
			return true
		}
	}
	return false
}

// rawText returns the unparsed text of an element, also of a script.
func rawText(n *html.Node) string {
	if n.Data != "script" {
		return shownText(n)
	}
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		b.WriteString(c.Data)
	}
	return b.String()
}
