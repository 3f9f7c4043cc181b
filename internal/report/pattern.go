package report

import "strings"

// maxSegments is how much of a path is kept.
const maxSegments = 4

// Pattern makes of a path one that stands for many and tells nothing of a person:
// segments with digits, signs or much text become `*`, and long paths end with `…`.
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

// plain keeps a segment that looks like one of a program's own names.
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
