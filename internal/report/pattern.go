package report

import "strings"

// maxSegments is the number of a path's segments that Pattern keeps.
const maxSegments = 4

// Pattern returns a path in a form that many paths share and that names no person: segments
// with digits or signs, and long segments, become `*`, and long paths end with `…`.
func Pattern(path string) string {
	var out strings.Builder
	n := 0
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if n == maxSegments {
			return out.String() + "/…"
		}
		out.WriteByte('/')
		out.WriteString(plain(segment))
		n++
	}
	return out.String()
}

// plain returns a segment unchanged if it is a short word, as in the names of a program's
// pages, and otherwise "*".
func plain(segment string) string {
	const longest = 24
	if len(segment) > longest {
		return "*"
	}
	for _, c := range []byte(segment) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '.', c == '-', c == '_':
		default:
			return "*"
		}
	}
	return segment
}
