package insert

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// start applies a start tag to the tree.
func (t *tree) start(tok html.Token, selfClosing bool) {
	t.made, t.popped = t.made[:0], t.popped[:0]
	t.spend(1 + len(tok.Attr))
	if tok.Data == "meta" && slices.ContainsFunc(tok.Attr, stateful) {
		t.over = "the page is in a charset that is no superset of ASCII"
	}
	if t.inForeign() && t.startForeign(tok, selfClosing) {
		return
	}
	switch name := tok.Data; {
	case name == "html":
		t.startHTML(tok)
	case name == "head":
		t.startHead(tok)
	case name == "body":
		t.startBody(tok)
	case t.body == nil && inHead.has(name):
		t.startInHead(tok)
	case name == "frameset" && t.body == nil:
		t.over = "the page is a set of frames"
	default:
		t.needBody()
		t.startInBody(tok, selfClosing)
	}
}

// stateful reports whether a <meta> names a charset with shift sequences, in which the
// bytes of < and > may be parts of letters.
func stateful(a html.Attribute) bool {
	v := strings.ToLower(a.Val)
	return (a.Key == "charset" || a.Key == "content") && (strings.Contains(v, "iso-2022") || strings.Contains(v, "hz-gb"))
}

func (t *tree) startHTML(tok html.Token) {
	if t.html != nil {
		t.merge(t.html, tok)
		return
	}
	t.html = t.push(t.make(tok, t.doc, ""))
}

func (t *tree) startHead(tok html.Token) {
	t.needHTML()
	if t.head == nil && t.body == nil {
		t.head = t.push(t.make(tok, t.html, ""))
	}
}

func (t *tree) startBody(tok html.Token) {
	if t.body != nil {
		t.merge(t.body, tok)
		return
	}
	if t.templates > 0 {
		return
	}
	t.needHead()
	t.popTo(1)
	t.body = t.push(t.make(tok, t.html, ""))
}

// merge adds the attributes of a second <html> or <body>.
func (t *tree) merge(e *element, tok html.Token) {
	if len(e.node.Attr)+len(tok.Attr) > maxAttributes {
		t.over = "the page has a tag that exceeds the size limit"
		return
	}
	for _, a := range tok.Attr {
		t.spend(len(e.node.Attr))
		if !slices.ContainsFunc(e.node.Attr, func(b html.Attribute) bool { return a.Key == b.Key }) {
			e.node.Attr = append(e.node.Attr, a)
		}
	}
}

// startInHead opens what belongs into the head, also behind its end.
func (t *tree) startInHead(tok html.Token) {
	parent := t.top()
	if t.templates == 0 {
		t.needHead()
		parent = t.head
	}
	t.push(t.make(tok, parent, ""))
}

func (t *tree) startInBody(tok html.Token, selfClosing bool) {
	if tok.Data == "image" {
		tok.Data = "img"
	}
	name := tok.Data
	if tableParts.has(name) {
		t.startTablePart(tok)
		return
	}
	if name == "form" && t.inTable() {
		t.startEmptyForm(tok)
		return
	}
	if ignored := t.makeRoom(name); ignored {
		return
	}
	parent := t.place(tok)
	switch name {
	case "svg", "math":
		if e := t.make(tok, parent, name); !selfClosing {
			t.push(e)
		}
		return
	case "plaintext":
		t.over = "the page goes on as plain text"
	}
	e := t.push(t.make(tok, parent, ""))
	if name == "form" && t.templates == 0 {
		t.form = e
	}
}

// startEmptyForm handles a form tag in a table outside its cells: browsers open the form and
// close it at once.
func (t *tree) startEmptyForm(tok html.Token) {
	if t.form == nil && t.templates == 0 {
		t.form = t.make(tok, t.top(), "")
		t.form.void = true
	}
}

// makeRoom closes the open elements that can't contain an element of this name. ignored says that
// the start tag opens nothing.
func (t *tree) makeRoom(name string) (ignored bool) {
	switch name {
	case "form":
		if t.form != nil && t.templates == 0 {
			return true
		}
	case "frame", "frameset":
		return true
	case "select":
		if t.close(named("select"), walls) != nil {
			return true // nested, it is an end tag
		}
	case "li":
		t.closeItem(named("li"))
	case "dd", "dt":
		t.closeItem(named("dd", "dt"))
	case "button":
		t.close(named("button"), walls)
	case "a", "nobr":
		if t.inScope(named(name), walls) >= 0 {
			t.endFormatting(name)
		}
	case "input":
		t.close(named("select"), walls)
	case "option":
		t.endOption("optgroup")
	case "optgroup":
		t.endOption("")
	case "rb", "rtc":
		t.endRuby("")
	case "rp", "rt":
		t.endRuby("rtc")
	case "table":
		if t.inTable() {
			t.close(named("table"), tableWalls)
		}
	}
	if endsP.has(name) || name == "table" && t.standards {
		t.close(named("p"), walls, pWalls)
	}
	if name == "hr" && t.inScope(named("select"), walls) >= 0 {
		t.implyEnds("")
	}
	if headings.has(name) {
		t.closeTop(among(headings))
	}
	return false
}

func (t *tree) closeTop(wanted match) {
	if wanted(t.top()) {
		t.popTo(len(t.open) - 1)
	}
}

// implyEnds closes the innermost elements that may lack an end tag, down to one with the excepted
// name.
func (t *tree) implyEnds(except string) {
	for t.top().is(omitted) && t.top().name() != except {
		t.popTo(len(t.open) - 1)
	}
}

func (t *tree) endOption(except string) {
	if t.inScope(named("select"), walls) >= 0 {
		t.implyEnds(except)
	} else {
		t.closeTop(named("option"))
	}
}

func (t *tree) endRuby(except string) {
	if t.inScope(named("ruby"), walls) >= 0 {
		t.implyEnds(except)
	}
}

// closeItem closes the list item that a new one follows.
func (t *tree) closeItem(items match) {
	for i := len(t.open) - 1; i >= 0; i-- {
		e := t.open[i]
		t.spend(1)
		if items(e) {
			t.popTo(i)
			return
		}
		if e.foreign() || special.has(e.name()) && e.name() != "address" && e.name() != "div" && e.name() != "p" {
			return
		}
	}
}

// place returns the parent of a new element: the innermost open element or, for what can't stand
// directly in a table, the parent of that table.
func (t *tree) place(tok html.Token) *element {
	t.closeTop(named("colgroup"))
	e := t.top()
	if !e.is(skeleton) || t.belongs(tok) {
		return e
	}
	for e.is(skeleton) && e.parent != t.doc {
		table := e.name() == "table"
		if e = e.parent; table {
			break
		}
	}
	return e
}

// belongs reports whether an element may stand directly in a table, without being a part.
func (t *tree) belongs(tok html.Token) bool {
	switch tok.Data {
	case "style", "script", "template":
		return true
	case "input":
		return slices.ContainsFunc(tok.Attr, func(a html.Attribute) bool {
			return a.Key == "type" && strings.EqualFold(a.Val, "hidden")
		})
	}
	return false
}

// inTable reports whether the present position is in a table, but in none of its cells.
func (t *tree) inTable() bool {
	for i := len(t.open) - 1; i >= 0; i-- {
		t.spend(1)
		switch e := t.open[i]; {
		case e.is(skeleton):
			return true
		case e.is(cells):
			return false
		}
	}
	return false
}
