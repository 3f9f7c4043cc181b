package route

import (
	"path"
	"slices"
	"strings"
)

// Patterns are path patterns as Caddy's `path` matcher takes them.
type Patterns []string

// Simple reports whether Match reads the pattern exactly as Caddy does. Placeholders,
// percent-encoded patterns and those with double slashes are left to Caddy.
func Simple(pattern string) bool {
	return !strings.ContainsAny(pattern, "{%") && !strings.Contains(pattern, "//")
}

// Match reports whether a decoded path matches a Simple pattern, by the rules of
// Caddy's MatchPath: case is ignored, dots are resolved and slashes merged; `*` alone
// is everything, at the end a prefix, at the beginning a suffix, at both ends a
// substring, and otherwise path.Match. Nothing is allocated for lower-case patterns
// and clean lower-case paths.
func Match(pattern, p string) bool {
	return matchExact(strings.ToLower(pattern), strings.ToLower(p))
}

// matchExact is Match for servers to which case matters.
func matchExact(pattern, p string) bool {
	if pattern == "*" {
		return true
	}
	p = Clean(p)
	head, atStart := strings.CutPrefix(pattern, "*")
	tail, atEnd := strings.CutSuffix(pattern, "*")
	switch stars := strings.Count(pattern, "*"); {
	case stars == 2 && atStart && atEnd:
		return strings.Contains(p, pattern[1:len(pattern)-1])
	case stars == 1 && atStart:
		return strings.HasSuffix(p, head)
	case stars == 1 && atEnd:
		return strings.HasPrefix(p, tail)
	}
	ok, err := path.Match(pattern, p)
	return ok && err == nil
}

// Clean is caddyhttp.CleanPath: path.Clean that keeps a slash at the end.
func Clean(p string) string {
	cleaned := path.Clean(p)
	if cleaned != "/" && strings.HasSuffix(p, "/") {
		cleaned += "/"
	}
	return cleaned
}

// Any reports whether any of the variants of a path matches any pattern, as a sign-in
// path needs it.
func (ps Patterns) Any(variants []string) bool {
	for _, v := range variants {
		if ps.Maybe(v) {
			return true
		}
	}
	return false
}

// All reports whether every variant matches some pattern.
func (ps Patterns) All(variants []string) bool {
	for i := range variants {
		if !ps.Surely(variants, i) {
			return false
		}
	}
	return len(variants) > 0
}

// Maybe reports whether some server takes the variant for one of the patterns' paths. A
// slash at the end makes no difference: most frameworks ignore it.
func (ps Patterns) Maybe(variant string) bool {
	return ps.match(variant) || len(variant) > 1 && ps.match(strings.TrimRight(variant, "/"))
}

// Surely reports whether the variant at index i matches a pattern on every server. It compares
// with case, because /LOGIN and /login are different pages on many servers; a variant that is
// only the lower-case reading of another variant is accepted. A variant that is only cut at its
// script (/index.php of /index.php/login) is accepted if the pattern that matches the whole path
// names that script and its path info (/index.php/login*).
func (ps Patterns) Surely(variants []string, i int) bool {
	v, matches := variants[i], matchExact
	if slices.ContainsFunc(variants[:i], func(other string) bool { return other != v && strings.ToLower(other) == v }) {
		matches = Match
	}
	return slices.ContainsFunc(ps, func(pattern string) bool { return matches(pattern, v) }) || i > 0 && ps.namesScript(v, variants[0])
}

func (ps Patterns) match(p string) bool {
	for _, pattern := range ps {
		if Match(pattern, p) {
			return true
		}
	}
	return false
}

// namesScript reports whether some pattern for the whole path is of this script with
// path info.
func (ps Patterns) namesScript(script, whole string) bool {
	for _, pattern := range ps {
		cut := CutPathInfo(pattern)
		if cut != pattern && strings.EqualFold(cut, script) && matchExact(pattern, whole) {
			return true
		}
	}
	return false
}
