package report

import (
	"regexp"
	"strings"
)

// maxSegments is the number of a path's segments that Pattern keeps.
const maxSegments = 4

// Pattern returns a path in a form that many paths share and that names no person: segments
// with digits or signs, and long segments, become `*`, and long paths end with `…`.
func Pattern(path string) string {
	segments := strings.SplitN(strings.TrimPrefix(path, "/"), "/", maxSegments+1)
	out := ""
	for i, segment := range segments {
		if i == maxSegments {
			return out + "/…"
		}
		out += "/" + plain(segment)
	}
	return out
}

// word matches short words, as in the names of a program's pages.
var word = regexp.MustCompile(`^[A-Za-z._-]{0,24}$`)

// plain returns a segment unchanged if it is a short word, and otherwise "*".
func plain(segment string) string {
	if word.MatchString(segment) {
		return segment
	}
	return "*"
}
