package insert

import (
	"bytes"
	"slices"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Beyond these bounds selectors are no longer compared, because the time for that grows with the
// depth of a page and, for selectors with siblings, with its width. maxKept bounds the elements
// with their attributes that are kept as siblings.
//
// maxWork bounds the work for one page: the tokens, attributes, open elements and siblings that
// were compared. It takes a fraction of a second; a page of 4 MiB with 100,000 tags takes a
// tenth of it.
const (
	maxDepth    = 512
	maxSiblings = 2048
	maxKept     = 64 << 10
	maxWork     = 16 << 20
)

// tree is the part of a browser's tree (HTML Standard, 13.2.6) that selectors need at one point
// of the page: the open elements and, if siblings count, the elements before them. Browsers
// repair some broken markup later, after further tags. In these cases the tree follows the tags.
type tree struct {
	doc        *element
	html, head *element
	body, form *element
	open       []*element
	templates  int
	// siblings says that a selector looks at siblings; standards, that the page has a doctype;
	// texted, that text opened the body before any head.
	siblings, standards, texted bool
	// work counts towards maxWork, kept towards maxKept.
	work, kept int
	// over is why selectors are no longer matched; empty while they are.
	over string

	// made are the elements that the last token opened. popped are those that it closed,
	// innermost first.
	made, popped []*element
}

func newTree(siblings bool) *tree {
	return &tree{siblings: siblings, doc: &element{node: html.Node{Type: html.DocumentNode}}}
}

// spend adds n to the work, and reports whether the page's budget still suffices.
func (t *tree) spend(n int) bool {
	if t.work += n; t.work > maxWork && t.over == "" {
		t.over = "matching the selectors on the page exceeds the limit of work for one page"
	}
	return t.over == ""
}

func (t *tree) top() *element {
	if len(t.open) == 0 {
		return t.doc
	}
	return t.open[len(t.open)-1]
}

// inForeign reports whether the next token is within SVG or MathML.
func (t *tree) inForeign() bool {
	e := t.top()
	return e.foreign() && !e.integrates()
}

// integrates reports whether the content of an SVG or MathML element is HTML again.
func (e *element) integrates() bool {
	switch e.node.Namespace {
	case "svg":
		return integration.has(e.name())
	case "math":
		return mathText.has(e.name())
	}
	return false
}

// make creates an element as parent's last child. push opens it.
func (t *tree) make(tok html.Token, parent *element, namespace string) *element {
	e := &element{parent: parent, node: html.Node{
		Type: html.ElementNode, Data: tok.Data, DataAtom: tok.DataAtom, Attr: tok.Attr, Namespace: namespace,
		Parent: &parent.node,
	}}
	if namespace == "" {
		e.in = setsOf[tok.Data]
	}
	e.void = e.is(voids)
	if t.siblings {
		t.line(e, parent)
	}
	if t.templates == 0 {
		t.made = append(t.made, e)
	}
	return e
}

// line links an element behind its siblings, within the bounds. A misplaced element in a table is
// put before that table.
func (t *tree) line(e, parent *element) {
	e.node.Parent = nil
	if last := parent.node.LastChild; last != nil && last.Data == "table" && t.holds(last) {
		parent.node.InsertBefore(&e.node, last)
	} else {
		parent.node.AppendChild(&e.node)
	}
	if parent.children++; parent.children > maxSiblings {
		t.over = "the page has too many sibling elements"
	}
	size := 1 + len(e.node.Attr)
	parent.kept += size
	if t.kept += size; t.kept > maxKept {
		t.over = "the page has too many sibling elements"
	}
}

// holds reports whether the element of node n is open.
func (t *tree) holds(n *html.Node) bool {
	t.spend(len(t.open))
	return slices.ContainsFunc(t.open, func(e *element) bool { return &e.node == n })
}

// push opens an element that has content.
func (t *tree) push(e *element) *element {
	if e.void {
		return e
	}
	t.open = append(t.open, e)
	if e.name() == "template" {
		t.templates++
	}
	if len(t.open) > maxDepth {
		t.over = "the page is nested too deeply"
	}
	return e
}

func (t *tree) imply(name string, parent *element) *element {
	e := t.push(t.make(html.Token{Data: name, DataAtom: atom.Lookup([]byte(name))}, parent, ""))
	e.implied = true
	return e
}

// popTo closes the open elements down to an index.
func (t *tree) popTo(i int) {
	for len(t.open) > i {
		e := t.top()
		t.open = t.open[:len(t.open)-1]
		t.closed(e)
	}
}

func (t *tree) closed(e *element) {
	t.popped = append(t.popped, e)
	e.node.FirstChild, e.node.LastChild = nil, nil
	t.kept, e.kept = t.kept-e.kept, 0
	if e.name() == "template" && !e.foreign() {
		t.templates--
	}
}

// inScope returns the index of the innermost open element that wanted selects, or -1 if there is
// none within the walls in hide.
func (t *tree) inScope(wanted match, hide ...set) int {
	for i := len(t.open) - 1; i >= 0; i-- {
		e := t.open[i]
		t.spend(1 + len(hide))
		if wanted(e) {
			return i
		}
		if e.integrates() || slices.ContainsFunc(hide, e.is) {
			return -1
		}
	}
	return -1
}

// close closes the innermost element that wanted selects, and all within it, if it is in scope.
// It returns the element, or nil.
func (t *tree) close(wanted match, hide ...set) *element {
	i := t.inScope(wanted, hide...)
	if i < 0 {
		return nil
	}
	e := t.open[i]
	t.popTo(i)
	return e
}

// text applies a text token: text that is not blank opens the body.
func (t *tree) text(raw []byte) {
	t.made, t.popped = t.made[:0], t.popped[:0]
	if t.body != nil || t.templates > 0 || len(bytes.TrimSpace(raw)) == 0 || t.top().is(rawText) {
		return
	}
	t.texted = t.head == nil
	t.needBody()
}

func (t *tree) needHTML() {
	if t.html == nil {
		t.html = t.imply("html", t.doc)
	}
}

func (t *tree) needHead() {
	t.needHTML()
	if t.head == nil {
		t.head = t.imply("head", t.html)
	}
}

func (t *tree) needBody() {
	if t.body != nil || t.templates > 0 {
		return
	}
	t.needHead()
	t.popTo(1) // html stays
	t.body = t.imply("body", t.html)
}

// endAll closes everything, as the end of the page does.
func (t *tree) endAll() {
	t.made, t.popped = t.made[:0], t.popped[:0]
	t.popTo(0)
}
