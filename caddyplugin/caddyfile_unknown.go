package caddyplugin

import (
	"slices"
	"strings"
)

// unknown is the error for a word that the block does not know: a slip of the
// pen, something of a later version, or a block where none belongs.
func (p *siteParser) unknown(name, after string, t table) error {
	if name == "{" || name == "}" {
		return p.Errf("unexpected %q: %s takes no block here", name, after)
	}
	if slices.Contains(directives, name) {
		return p.Errf("%s is a directive of Caddy's and stands in the block of %s: is the } of that block, or of one in it, missing before this line?", name, after)
	}
	known := t.names()
	list := strings.Join(known, ", ")
	if near := nearest(name, known); near != "" {
		return p.Errf("unknown subdirective %q; did you mean %s? Known here: %s", name, near, list)
	}
	return p.Errf("unknown subdirective %q in this version; known here: %s", name, list)
}

// directives are those of Caddy's that commonly follow the block.
var directives = []string{
	"reverse_proxy", "php_fastcgi", "file_server", "handle", "handle_path", "handle_errors", "route", "encode", "header", "log", "tls", "root",
	"rewrite", "redir", "respond", "import", "basic_auth", "forward_auth", "request_header", "request_body", "uri", "try_files", "vars", "map", "bind", "metrics",
}

// nearest is the name that lies within two typing errors of word, or "".
func nearest(word string, names []string) string {
	if len(word) < 3 || len(word) > 20 {
		return ""
	}
	best, distance := "", 3
	for _, name := range names {
		if d := editDistance(word, name); d < distance {
			best, distance = name, d
		}
	}
	return best
}

// editDistance counts the insertions, deletions and replacements of bytes between
// a and b (Levenshtein), row by row.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := slices.Clone(row)
		next[0] = i + 1
		for j := range len(b) {
			replaced := row[j]
			if a[i] != b[j] {
				replaced++
			}
			next[j+1] = min(replaced, row[j+1]+1, next[j]+1)
		}
		row = next
	}
	return row[len(b)]
}
