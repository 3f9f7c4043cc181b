package whoami

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// extractor yields values from a page.
type extractor struct {
	pull func(*page) ([]string, error)
	// not are values that stand for no user.
	not []string
}

// values are the distinct values that an extractor yields, or an error if they are ambiguous.
type values struct {
	all []string
	not []string
	err error
}

type count int

const (
	none count = iota
	one
	unclear
)

// one returns the only distinct value. An empty value, and one that stands for no user, count as
// none. Together with another value they make the result ambiguous.
func (v values) one() (string, count) {
	switch {
	case v.err != nil || len(v.all) > 1:
		return "", unclear
	case len(v.all) == 0 || strings.TrimSpace(v.all[0]) == "" || slices.Contains(v.not, v.all[0]):
		return "", none
	}
	return v.all[0], one
}

// String returns the number of values, for the log. It does not quote them.
func (v values) String() string {
	_, n := v.one()
	switch {
	case v.err != nil:
		return v.err.Error()
	case n == none && len(v.all) == 1:
		return "one value, which is empty or listed under not"
	}
	return fmt.Sprintf("%d distinct values", len(v.all))
}

// presentable reports whether a value can be written to a record and a log. It refuses U+FFFD,
// because parsers put it in place of bytes that they can't decode, so that two different ids could
// become equal.
func presentable(v string) bool {
	bad := func(r rune) bool {
		return unicode.IsControl(r) || r == utf8.RuneError || r == '\u2028' || r == '\u2029'
	}
	return v != "" && len(v) <= MaxUser && utf8.ValidString(v) && !strings.ContainsFunc(v, bad)
}
