package config

import (
	"regexp"
	"slices"
	"strings"

	"github.com/andybalholm/cascadia"

	"github.com/secondgate/secondgate/internal/directive"
)

// Link is a link to the settings page that is inserted into the portal's pages for signed-in
// users.
type Link struct {
	// Selector is a CSS selector; the link goes to the first element that matches. It must not
	// depend on elements that follow, because pages are not held back; see validateStreamed.
	Selector string `json:"selector"`
	// Position is where the link goes: "before" or "after" the element, or "append" (default),
	// at the end of its content.
	Position string `json:"position,omitempty"`
	// Text is the text of the link.
	Text string `json:"text"`
}

// maxLinks is the maximum number of links of a site, because each page is searched for all.
const maxLinks = 8

func (s Site) validateLinks() error {
	if len(s.Link) > maxLinks {
		return wrong("link", "there are %d; want %d at most", len(s.Link), maxLinks)
	}
	return nil
}

func (l Link) validate() error {
	if strings.TrimSpace(l.Text) == "" {
		return wrong("", "link %s has no text, so it could not be seen; want for example link %s append \"Two-factor authentication\"", l.Selector, l.Selector)
	}
	return first(
		directive.At("text", validateLine(l.Text)),
		directive.At("position", directive.OneOf(l.Position, "append", "before", "after")),
		validateStreamed("selector", l.Selector),
	)
}

// backward are the pseudo-classes that can be evaluated at an element's start tag, from the tag
// and the elements before it.
var backward = []string{"not", "first-child", "first-of-type", "nth-child", "nth-of-type", "root", "link", "lang", "enabled", "disabled", "checked", "input"}

// pseudo matches pseudo-classes and pseudo-elements.
var pseudo = regexp.MustCompile(`:+([A-Za-z-]+)`)

// validateStreamed refuses a selector that can't be evaluated at an element's start tag while
// the page is streamed.
func validateStreamed(where, selector string) error {
	if _, err := cascadia.ParseGroup(selector); err != nil {
		return wrong(where, "%q is not a CSS selector: %v; want for example \"#menu ul\" (a bare # begins a comment, so quote it)", selector, err)
	}
	for _, m := range pseudo.FindAllStringSubmatch(unquoted(selector), -1) {
		if name := strings.ToLower(m[1]); !slices.Contains(backward, name) {
			return wrong(where, "%q depends on later parts of the page (:%s), but the page is not buffered; want a selector by the element itself and by what precedes it, for example \"#menu ul\", or the element before which the link is inserted", selector, name)
		}
	}
	return nil
}

// unquoted returns a selector without strings, text in square brackets, and escaped characters,
// so that a colon in these is not taken for a pseudo-class.
func unquoted(selector string) string {
	var b strings.Builder
	quote, brackets := byte(0), 0
	for i := 0; i < len(selector); i++ {
		switch c := selector[i]; {
		case c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '[':
			brackets++
		case c == ']':
			brackets--
		case brackets == 0:
			b.WriteByte(c)
		}
	}
	return b.String()
}
