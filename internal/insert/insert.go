// Package insert puts short pieces of HTML into pages while they are streamed: a link into the
// portal's own menu, a script into its head.
//
// The output is the input, byte for byte, with whole pieces inserted between two of its tags.
// That holds for input in portions of any size, and for broken pages. If a piece has no place,
// the page is not changed.
//
// The package reads HTTP headers, but does not handle requests. Package response calls it.
package insert

import (
	"fmt"
	"html"
	"strings"

	"github.com/andybalholm/cascadia"
)

// Position is where a piece goes, seen from the element that the selector finds first.
type Position int

// The positions: as the element's last child, or as its sibling.
const (
	Append Position = iota
	Before
	After
)

// Piece is a bit of HTML and the place for it.
type Piece struct {
	// selector is nil for a piece that goes to the beginning of the head.
	selector []chain
	// siblings says that the selector may look at preceding siblings.
	siblings bool
	where    Position
	html     string
}

// Link returns a link for signed-in users. The selector must not look ahead (see config.Link),
// because the page is not held back until later tags arrive.
func Link(selector string, where Position, href, text string) (Piece, error) {
	group, err := cascadia.ParseGroup(selector)
	if err != nil {
		return Piece{}, fmt.Errorf("link %q: %w", selector, err)
	}
	a := fmt.Sprintf(`<a href="%s" class="secondgate-link">%s</a>`, escape(href), escape(text))
	return Piece{selector: chainsOf(group), siblings: strings.ContainsAny(selector, "+~:"), where: where, html: a}, nil
}

// Script returns a classic script that runs before any other of the page: it goes first in the
// head, without defer. nonce is one that the page's own policy accepts, or empty.
func Script(src, nonce string) Piece {
	if nonce != "" {
		nonce = fmt.Sprintf(` nonce="%s"`, escape(nonce))
	}
	return Piece{html: fmt.Sprintf(`<script src="%s"%s></script>`, escape(src), nonce)}
}

// escape makes text for an element or a quoted attribute, in ASCII, so that it reads the
// same in every charset that a page may have.
func escape(text string) string {
	var b strings.Builder
	for _, r := range html.EscapeString(text) {
		if r < 0x80 {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "&#%d;", r)
		}
	}
	return b.String()
}

// wish is a piece that is to be inserted into one page.
type wish struct {
	Piece
	state state
	// element is the one that was found; the piece waits for its end.
	element *element
	// why is the reason if the piece is not inserted; see Stream.Missed.
	why string
}

type state int

const (
	wanted state = iota
	waiting
	placed
	missed
)

func (w *wish) miss(why string) { w.state, w.why = missed, why }

// at is the HTML for a place among parent's children.
func (w *wish) at(parent *element) string {
	if parent.name() == "ul" || parent.name() == "ol" || parent.name() == "menu" {
		return "<li>" + w.html + "</li>"
	}
	return w.html
}
