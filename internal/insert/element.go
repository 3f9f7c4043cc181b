package insert

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// headStart is the position of a piece that goes to the beginning of the head, as the assist
// script does.
const headStart Position = -1

// element is an element of the page. Selectors are matched against its node, which is linked to
// its ancestors and, if a selector needs them, to its preceding siblings.
type element struct {
	node   html.Node
	parent *element
	// children counts its children for maxSiblings; kept is what they add to tree.kept. Both are
	// used only if a selector looks at siblings.
	children, kept int
	// in has the sets that an HTML element's name is in; it is empty for SVG and MathML.
	in set
	// implied says that it has no start tag in the page; void, that it has neither content nor
	// end tag.
	implied, void bool
}

func (e *element) name() string  { return e.node.Data }
func (e *element) foreign() bool { return e.node.Namespace != "" }

// is reports whether it is an element of HTML with one of these names.
func (e *element) is(names set) bool { return e.in&names != 0 }

// match selects elements.
type match func(*element) bool

func among(names set) match { return func(e *element) bool { return e.is(names) } }

func named(list ...string) match {
	return func(e *element) bool { return !e.foreign() && slices.Contains(list, e.name()) }
}

var plainName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// endTag is the end tag that the scanner writes before a piece if the page has none there. It is
// empty for formatting elements, because browsers reopen them after the piece, for html, head and
// body, and in SVG and MathML.
func (e *element) endTag() string {
	if e.foreign() || e.is(formatting) || e.is(structure) || !plainName.MatchString(e.name()) {
		return ""
	}
	return "</" + e.name() + ">"
}

// takesLink reports whether a link can stand among its children and be used.
func (e *element) takesLink() bool {
	if e.void || e.is(noLink) || e.is(rawText) {
		return false
	}
	for ; e != nil; e = e.parent {
		if e.foreign() || e.is(noLinkWithin) {
			return false
		}
	}
	return true
}

// set is a set of element names. It is one bit; setsOf has for each name the bits of its sets.
// Every tag is compared with all open elements, so element.is must not look names up.
type set uint32

var (
	setsOf      = make(map[string]set)
	nextSet set = 1
)

// names makes a set of names that blanks part.
func names(list string) set {
	s := nextSet
	if nextSet <<= 1; s == 0 {
		panic("more sets of names than bits")
	}
	for name := range strings.FieldsSeq(list) {
		setsOf[name] |= s
	}
	return s
}

func (s set) has(name string) bool { return setsOf[name]&s != 0 }

// Elements by what they mean for the tree (HTML Standard, 13.2.4.2 and 13.2.6.4).
var (
	structure  = names("html head body")
	voids      = names("area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr")
	rawText    = names("script style title textarea xmp iframe noembed noframes noscript plaintext")
	inHead     = names("base basefont bgsound link meta title noframes style script template noscript")
	formatting = names("a b big code em font i nobr s small strike strong tt u")
	headings   = names("h1 h2 h3 h4 h5 h6")
	tableParts = names("caption col colgroup tbody td tfoot th thead tr")
	cells      = names("td th caption template html")
	bodies     = names("tbody thead tfoot")
	// skeleton are the parts of a table that hold no content: an element directly in one of them,
	// if it is no table part, is placed before the table.
	skeleton = names("table tbody thead tfoot tr")

	// endsP end an open paragraph.
	endsP = names(`address article aside blockquote center details dialog dir div dl fieldset figcaption figure footer header hgroup main
		menu nav ol p search section summary ul h1 h2 h3 h4 h5 h6 pre listing form hr xmp li dd dt plaintext`)
	// blocks are closed by their end tag even if other elements within them are open.
	blocks = names(`address article aside blockquote button center details dialog dir div dl fieldset figcaption figure footer header
		hgroup listing main menu nav ol pre search section select summary ul applet marquee object dd dt`)
	special = names(`address applet area article aside base basefont bgsound blockquote body br button caption center col colgroup dd
		details dir div dl dt embed fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup
		hr html iframe img input keygen li link listing main marquee menu meta nav noembed noframes noscript object ol p param
		plaintext pre script search section select source style summary table tbody td template textarea tfoot th thead title
		tr track ul wbr xmp`)
	// omitted may lack their end tags.
	omitted = names("dd dt li optgroup option p rb rp rt rtc")
	// walls bound the scope of an end tag: within one, it closes no element outside of it.
	walls      = names("applet caption html table td th marquee object template select")
	listWalls  = names("ol ul")
	pWalls     = names("button")
	tableWalls = names("html table template")

	// noLink are elements that can't have a link as a child; in noLinkWithin, a link can't stand
	// at any depth.
	noLink       = names("html head table tbody thead tfoot tr colgroup frameset picture video audio datalist dl ruby")
	noLinkWithin = names("a button select template head")

	// integration and mathText are elements of SVG and MathML that contain HTML again; a start
	// tag in breakout ends SVG and MathML.
	integration = names("foreignobject desc title")
	mathText    = names("mi mo mn ms mtext annotation-xml")
	breakout    = names(`b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu meta nobr
		ol p pre ruby s small span strong strike sub sup table tt u ul var`)
)
