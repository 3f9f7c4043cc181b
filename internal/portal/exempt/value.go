package exempt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

var errEmpty = errors.New("it has no value; want at least one")

// decode parses a matcher's JSON as strictly as Caddy does.
func decode(raw json.RawMessage, to any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return fmt.Errorf("%s is not what the matcher takes: %w", raw, err)
	}
	return nil
}

// decodeList parses a list of texts and refuses placeholders in them.
func decodeList(raw json.RawMessage) (list []string, err error) {
	if err := decode(raw, &list); err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errEmpty
	}
	return list, literal(list...)
}

// literal returns an error if a text has a placeholder. Caddy replaces a placeholder with a
// part of the request as received, or as an earlier handler changed it, and so not with the
// reading for which the rule is decided.
func literal(texts ...string) error {
	for _, text := range texts {
		if strings.Contains(text, "{") {
			return fmt.Errorf("%q holds a placeholder, which has one value for all readings of a request; want the text itself, or {$NAME}, which Caddy replaces when it reads the Caddyfile", text)
		}
	}
	return nil
}

// pattern is a value that may begin and end with *, as in Caddy's header matcher.
type pattern struct {
	text         string
	open, closed bool // * at the beginning, * at the end
}

func newPattern(value string) pattern {
	if value == "*" {
		return pattern{open: true, closed: true}
	}
	text, open := strings.CutPrefix(value, "*")
	text, closed := strings.CutSuffix(text, "*")
	return pattern{text: text, open: open, closed: closed}
}

func (p pattern) matches(s string) bool {
	switch {
	case p.open && p.closed:
		return strings.Contains(s, p.text)
	case p.open:
		return strings.HasSuffix(s, p.text)
	case p.closed:
		return strings.HasPrefix(s, p.text)
	}
	return s == p.text
}

// folded returns the pattern for texts in lower case.
func (p pattern) folded() pattern {
	p.text = strings.ToLower(p.text)
	return p
}
