package insert

import (
	"slices"

	"golang.org/x/net/html"
)

// end applies an end tag to the tree. It returns the element that the tag closes, or nil.
func (t *tree) end(name string) *element {
	t.made, t.popped = t.made[:0], t.popped[:0]
	t.spend(1)
	if name == "p" || name == "br" {
		t.breakOut()
	}
	if t.top().foreign() {
		if e, ok := t.endForeign(name); ok {
			return e
		}
	}
	switch {
	case name == "head":
		return t.endHead()
	case name == "body", name == "html":
		return t.endBody()
	case name == "template":
		return t.close(named("template"))
	case name == "br":
		t.needBody()
	case t.body == nil && !inHead.has(name) && t.templates == 0:
		return nil
	}
	return t.endInBody(name)
}

func (t *tree) endHead() *element {
	if t.body != nil || t.templates > 0 {
		return nil
	}
	return t.close(named("head"))
}

// endBody closes what is open in the body, and reports its end. The body itself stays open,
// because browsers append later content to it.
func (t *tree) endBody() *element {
	if t.body == nil || t.templates > 0 {
		return nil
	}
	i := slices.Index(t.open, t.body)
	if i < 0 {
		return nil
	}
	t.popTo(i + 1)
	t.popped = append(t.popped, t.body)
	return t.body
}

func (t *tree) endInBody(name string) *element {
	switch {
	case name == "p":
		return t.endP()
	case name == "br":
		t.make(html.Token{Data: "br"}, t.top(), "")
		return nil
	case name == "li":
		return t.close(named("li"), walls, listWalls)
	case name == "form":
		return t.endForm()
	case headings.has(name):
		return t.close(among(headings), walls)
	case formatting.has(name):
		return t.endFormatting(name)
	case name == "table" || tableParts.has(name):
		return t.close(named(name), tableWalls)
	case blocks.has(name):
		return t.close(named(name), walls)
	}
	return t.endOther(name)
}

// endP ends a paragraph, or makes an empty one.
func (t *tree) endP() *element {
	if e := t.close(named("p"), walls, pWalls); e != nil {
		return e
	}
	t.make(html.Token{Data: "p"}, t.top(), "")
	return nil
}

func (t *tree) endForm() *element {
	if t.templates > 0 {
		return t.close(named("form"), walls)
	}
	form := t.form
	t.form = nil
	i := t.inScope(named("form"), walls)
	if form == nil || i < 0 || t.open[i] != form {
		return nil
	}
	t.implyEnds("")
	if i == len(t.open)-1 {
		t.popTo(i)
		return form
	}
	return t.takeOut(i)
}

// endFormatting closes <b> and the like. Blocks that are open within it stay open and become
// children of its parent.
func (t *tree) endFormatting(name string) *element {
	i := t.inScope(named(name), walls)
	if i < 0 {
		return t.endOther(name)
	}
	e := t.open[i]
	t.spend(len(t.open) - i)
	if slices.ContainsFunc(t.open[i+1:], func(in *element) bool { return in.is(special) }) {
		t.open[i+1].parent, t.open[i+1].node.Parent = e.parent, &e.parent.node
		return t.takeOut(i)
	}
	t.popTo(i)
	return e
}

// takeOut closes the open element i, while the elements within it stay open.
func (t *tree) takeOut(i int) *element {
	e := t.open[i]
	t.spend(len(t.open) - i)
	t.open = slices.Delete(t.open, i, i+1)
	t.closed(e)
	return e
}

// endOther is "any other end tag" (13.2.6.4.7).
func (t *tree) endOther(name string) *element {
	for i := len(t.open) - 1; i > 0; i-- {
		e := t.open[i]
		t.spend(1)
		if !e.foreign() && e.name() == name {
			t.popTo(i)
			return e
		}
		if e.is(special) {
			return nil
		}
	}
	return nil
}
