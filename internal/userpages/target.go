package userpages

import (
	"net/url"
	"slices"
	"strings"
)

// maxTarget bounds a return target, which has to fit into a cookie.
const maxTarget = 1600

// ValidTarget reports whether s is a path (with query) on this origin, for every
// way in which a browser or a server on the way may read it. It refuses whatever
// names a scheme or host, backslashes (browsers take them for slashes), control
// characters and blanks (browsers drop some of them), all these percent-encoded in
// the path, too, and paths that begin with //, or could once dots are resolved.
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

// printable refuses all that is not visible ASCII, and backslashes.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '\\' {
			return false
		}
	}
	return true
}

// rooted checks the decoded path: it may hold any letters and blanks, but no
// control characters and no backslash.
func rooted(path string) bool {
	for i := range len(path) {
		if path[i] < ' ' || path[i] == 0x7f || path[i] == '\\' {
			return false
		}
	}
	return strings.HasPrefix(path, "/")
}

// ambiguous says that the decoded path begins with //, or may do so to some reader
// once its dots are resolved: programs differ in what ".." takes away from "a//".
func ambiguous(path string) bool {
	if !strings.Contains(path, "//") {
		return false
	}
	dots := func(segment string) bool { return segment == "." || segment == ".." }
	return strings.HasPrefix(path, "//") || slices.ContainsFunc(strings.Split(path, "/"), dots)
}
