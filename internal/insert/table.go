package insert

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// startTablePart opens a part of the innermost table, and the parts that it implies, such as
// tbody and tr for td.
func (t *tree) startTablePart(tok html.Token) {
	table := t.inScope(named("table"), tableWalls)
	if table < 0 {
		if t.templates > 0 {
			t.push(t.make(tok, t.top(), ""))
		}
		return
	}
	switch tok.Data {
	case "col":
		if !named("colgroup")(t.top()) {
			t.popTo(table + 1)
			t.imply("colgroup", t.top())
		}
	case "tr":
		t.openBody(table)
	case "td", "th":
		t.openRow(table)
	default:
		t.popTo(table + 1)
	}
	t.push(t.make(tok, t.top(), ""))
}

// openBody closes elements down to the table's body, or opens an implied one.
func (t *tree) openBody(table int) {
	if body := t.inScope(among(bodies), tableWalls); body > table {
		t.popTo(body + 1)
		return
	}
	t.popTo(table + 1)
	t.imply("tbody", t.top())
}

func (t *tree) openRow(table int) {
	if row := t.inScope(named("tr"), tableWalls); row > table {
		t.popTo(row + 1)
		return
	}
	t.openBody(table)
	t.imply("tr", t.top())
}

// startForeign handles a start tag within SVG or MathML. It returns false if the tag is HTML,
// which ends SVG and MathML.
func (t *tree) startForeign(tok html.Token, selfClosing bool) bool {
	if breakout.has(tok.Data) || tok.Data == "font" && coloured(tok) {
		t.breakOut()
		return false
	}
	top := t.top()
	e := t.make(tok, top, top.node.Namespace)
	if !selfClosing {
		t.push(e)
	}
	return true
}

// breakOut closes all open elements of SVG and MathML.
func (t *tree) breakOut() {
	for t.inForeign() {
		t.popTo(len(t.open) - 1)
	}
}

func coloured(tok html.Token) bool {
	return slices.ContainsFunc(tok.Attr, func(a html.Attribute) bool { return a.Key == "color" || a.Key == "face" || a.Key == "size" })
}

// endForeign handles an end tag within SVG or MathML. ok is false if the tag closes an HTML
// element.
func (t *tree) endForeign(name string) (ended *element, ok bool) {
	for i := len(t.open) - 1; i > 0; i-- {
		e := t.open[i]
		t.spend(1)
		if !e.foreign() {
			return nil, false
		}
		if strings.EqualFold(e.name(), name) {
			t.popTo(i)
			return e, true
		}
	}
	return nil, false
}
