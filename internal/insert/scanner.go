package insert

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"golang.org/x/net/html"
)

// If a page exceeds these bounds, it is sent without insertions. maxPage is in bytes after
// decompression, until the last piece is placed; maxTag is the length of a tag that is held
// back, and maxAttributes the number of its attributes. See also tree.go.
const (
	maxPage       = 4 << 20
	maxTag        = 256 << 10
	maxAttributes = 256
)

var errBounds = errors.New("the page exceeds the size limit")

// scanner reads a page tag by tag and releases it, with pieces between the tags. It releases
// text at once, and a tag when it is complete, because a piece may belong before it.
type scanner struct {
	src    io.Reader
	out    io.Writer
	z      *html.Tokenizer
	tree   *tree
	wishes []*wish

	// window is what was read; its first sent bytes were sent already. The present token begins
	// at index token. That is less than sent if the token's beginning was sent, which happens
	// only if it is no tag. first is the beginning of the page, for the byte order mark.
	window      []byte
	sent, token int
	first       []byte
	read        int
	// raw says that the tokenizer is within a script, a style or the like.
	raw bool
	// ends are the end tags that the present token implies; a piece that goes behind them is
	// preceded by them.
	ends []byte
}

func newScanner(src io.Reader, out io.Writer, wishes []*wish) *scanner {
	s := &scanner{src: src, out: out, wishes: wishes}
	s.z = html.NewTokenizer(s)
	s.tree = newTree(slices.ContainsFunc(wishes, func(w *wish) bool { return w.siblings }))
	return s
}

// Read feeds the tokenizer. Before it blocks, it releases what is certain.
func (s *scanner) Read(p []byte) (int, error) {
	s.release(s.certain())
	if len(s.window)-s.sent > maxTag || s.read >= maxPage {
		return 0, errBounds
	}
	if s.sent > 0 { // else a tag is coming in, perhaps byte by byte
		s.window = s.window[:copy(s.window, s.window[s.sent:])]
		s.token, s.sent = s.token-s.sent, 0
	}
	n, err := s.src.Read(p)
	s.window = append(s.window, p[:n]...)
	s.read += n
	s.first = append(s.first, p[:min(n, len(bom)-len(s.first))]...)
	return n, err
}

// certain is the index up to which the window may be sent before more is read.
func (s *scanner) certain() int {
	if s.token < s.sent { // the token is no tag
		return s.sent + len(s.window[s.sent:]) - endsOpen(s.window[s.sent:], s.raw)
	}
	return s.token + certain(s.window[s.token:], s.raw)
}

// endsOpen is 1 if text ends with a byte that may begin a tag, else 0.
func endsOpen(text []byte, raw bool) int {
	if !raw && bytes.HasSuffix(text, []byte("<")) {
		return 1
	}
	return 0
}

// certain is how much of an incomplete token may be sent: all, but for the beginning of a tag,
// because a piece may belong before it.
func certain(token []byte, raw bool) int {
	switch n := len(token); {
	case raw || n == 0:
		return n
	case token[0] == '<' && (n == 1 || isLetter(token[1])):
		return 0
	case token[0] == '<' && token[1] == '/' && (n == 2 || isLetter(token[2])):
		return 0
	case token[0] == '<' && bytes.IndexByte([]byte("/!?"), token[1]) >= 0:
		return n
	}
	return len(token) - endsOpen(token, raw)
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// release sends the window up to an index.
func (s *scanner) release(to int) {
	if to > s.sent {
		_, _ = s.out.Write(s.window[s.sent:to]) // if nothing is taken any more, src fails next
		s.sent = to
	}
}

func (s *scanner) releaseAll() { s.release(len(s.window)) }

// place puts HTML before the byte that comes next.
func (s *scanner) place(text string) {
	s.release(s.token)
	_, _ = io.WriteString(s.out, text)
}

// scan reads the page until every piece is placed or missed, or the page ends.
func (s *scanner) scan() {
	for s.hopes() {
		kind := s.z.Next()
		size := len(s.z.Raw())
		s.ends = s.ends[:0]
		switch kind {
		case html.ErrorToken:
			s.end(s.z.Err())
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			s.startTag(size, kind == html.SelfClosingTagToken)
			continue
		case html.EndTagToken:
			s.endTag(size)
			continue
		case html.TextToken:
			s.tree.text(s.z.Raw())
			s.raw = false
		case html.DoctypeToken:
			s.tree.standards = true
		}
		s.token += size
	}
}

// hopes reports whether a piece can still be placed. If the tree has given up (tree.over), it
// marks the remaining pieces as missed.
func (s *scanner) hopes() bool {
	for _, w := range s.wishes {
		if w.state == wanted || w.state == waiting {
			if s.tree.over == "" && !s.unreadable() {
				return true
			}
			w.miss(s.tree.over)
		}
	}
	return false
}

// bom is the byte order mark of UTF-16, big endian.
const bom = "\xfe\xff"

// unreadable reports whether the page begins as UTF-16, in which the scanner can't read tags.
func (s *scanner) unreadable() bool {
	if string(s.first) == bom || string(s.first) == "\xff\xfe" {
		s.tree.over = "the page is in UTF-16"
	}
	return s.tree.over != ""
}

func (s *scanner) startTag(size int, selfClosing bool) {
	t := s.z.Token()
	if size > maxTag || len(t.Attr) > maxAttributes {
		s.tree.over = "the page has a tag that exceeds the size limit"
		return
	}
	s.tree.start(t, selfClosing)
	s.raw = rawText.has(t.Data) && !s.tree.inForeign()
	if !s.raw {
		s.z.NextIsNotRawText()
	}
	s.z.AllowCDATA(s.tree.inForeign())
	s.placeAtEnds(nil)
	s.openHead()
	var behind []string
	for _, e := range s.tree.made {
		behind = append(behind, s.find(e)...)
	}
	s.token += size
	for _, text := range behind {
		s.place(text)
	}
}

func (s *scanner) endTag(size int) {
	name := s.z.Token().Data
	s.raw = false
	explicit := s.tree.end(name)
	s.z.AllowCDATA(s.tree.inForeign())
	s.placeAtEnds(explicit)
	s.token += size
	for _, w := range s.wishes {
		if w.state == waiting && w.element == explicit {
			s.place(w.at(explicit.parent))
			w.state = placed
		}
	}
}

// placeAtEnds places the pieces that wait for the ends of elements which the present token
// closed, innermost first. If an element has no end tag of its own and a piece goes behind it,
// the tag is written before the piece. explicit is the element that an end tag names; a piece
// behind it has to wait for that tag.
func (s *scanner) placeAtEnds(explicit *element) {
	for _, e := range s.tree.popped {
		s.placeWaiting(e, Append, e)
		if e == explicit {
			return // what comes after it comes after its tag
		}
		s.ends = append(s.ends, e.endTag()...)
		s.placeWaiting(e, After, e.parent)
	}
}

func (s *scanner) placeWaiting(e *element, where Position, parent *element) {
	for _, w := range s.wishes {
		if w.state == waiting && w.element == e && w.where == where {
			s.place(string(s.ends) + w.at(parent))
			s.ends, w.state = s.ends[:0], placed
		}
	}
}

// openHead places the pieces for the beginning of the head: after its tag or, if it has none,
// before the tag for which a browser opens it.
func (s *scanner) openHead() {
	for _, w := range s.wishes {
		if w.selector != nil || w.state != wanted {
			continue
		}
		switch {
		case s.tree.head == nil && s.tree.body == nil:
		case s.tree.head == nil || s.tree.texted:
			w.miss("the page has no head")
		case s.tree.head.implied:
			s.place(w.html)
			w.state = placed
		default:
			w.state, w.element, w.where = waiting, s.tree.head, headStart
		}
	}
}

// find matches a new element against the selectors. It returns what goes directly behind the
// element's tag.
func (s *scanner) find(e *element) (behind []string) {
	for _, w := range s.wishes {
		switch {
		case w.where == headStart && w.element == e && w.state == waiting:
			behind = append(behind, w.html)
			w.state = placed
		case w.state != wanted || w.selector == nil || !s.tree.matchesAny(w.selector, &e.node):
		case w.where == Append && !e.takesLink(), w.where != Append && !e.parent.takesLink():
			w.miss("a link is not allowed at the first match of the selector")
		case w.where == Before:
			s.place(string(s.ends) + w.at(e.parent))
			s.ends, w.state = s.ends[:0], placed
		case w.where == After && e.void:
			behind = append(behind, w.at(e.parent))
			w.state = placed
		default:
			w.state, w.element = waiting, e
		}
	}
	return behind
}

// end handles the end of the page: it places the pieces that wait for elements which the page
// does not close. A page that breaks off within a tag or a script gets nothing more.
func (s *scanner) end(err error) {
	if !errors.Is(err, io.EOF) {
		s.tree.over = errBounds.Error()
		s.hopes()
		return
	}
	if s.tree.top().is(rawText) || s.token < len(s.window) {
		return
	}
	s.tree.endAll()
	s.placeAtEnds(nil)
}
