package userpages

import (
	"net/url"
	"slices"
	"strings"
)

// maxTarget bounds a return target, which has to fit into a cookie.
const maxTarget = 1600

// ValidTarget reports whether s is a path, with an optional query, on this origin, however a
// browser or proxy reads it. It keeps the challenge from redirecting to another site. It
// refuses a scheme or host, backslashes (browsers read them as slashes), control characters
// and blanks (browsers drop some), and paths that begin with // or may do so after dots are
// resolved. Backslashes and control characters are refused percent-encoded, too.
func ValidTarget(s string) bool {
	if len(s) == 0 || len(s) > maxTarget || s[0] != '/' || !printable(s) {
		return false
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return false
	}
	return rooted(u.Path) && !ambiguous(u.Path)
}

// printable reports whether s has only visible ASCII characters and no backslash.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '\\' })
}

// rooted reports whether the decoded path begins with a slash and has no control character
// and no backslash. It may have any letters and blanks.
func rooted(path string) bool {
	bad := func(c rune) bool { return c < ' ' || c == 0x7f || c == '\\' }
	return strings.HasPrefix(path, "/") && !strings.ContainsFunc(path, bad)
}

// ambiguous reports whether the decoded path begins with //, or may do so after its dots are
// resolved. Programs differ in what ".." removes from "a//", so // with dots is refused.
func ambiguous(path string) bool {
	if !strings.Contains(path, "//") {
		return false
	}
	dots := func(segment string) bool { return segment == "." || segment == ".." }
	return strings.HasPrefix(path, "//") || slices.ContainsFunc(strings.Split(path, "/"), dots)
}
