package caddyfile

import (
	"slices"

	"github.com/secondgate/secondgate/internal/directive"
)

// unknown returns the error for a word that is no subdirective of a block: a typing error, a
// subdirective of a later version, a block after a subdirective that takes none, or a missing
// "}". after is the subdirective before the word, block the one that the block belongs to.
func (r *Reader) unknown(name, after, block string, rows directive.Rows) error {
	if name == "{" || name == "}" {
		return r.Errf("unexpected %q: %s takes no block here", name, after)
	}
	if slices.Contains(directives, name) {
		return r.Errf("%s is a directive of Caddy's and stands in the block of %s: is the } of that block, or of one in it, missing before this line?", name, after)
	}
	if near := nearest(name, rows); near != "" {
		return r.Errf("unknown subdirective %q of %s; did you mean %s?", name, block, near)
	}
	return r.Errf("unknown subdirective %q of %s in this version; docs/caddyfile.md lists what is known", name, block)
}

// directives are Caddy's directives that commonly follow a two_factor block. If one occurs
// inside the block, a "}" is probably missing.
var directives = []string{
	"reverse_proxy", "php_fastcgi", "file_server", "handle", "handle_path", "handle_errors", "route", "encode", "header", "log", "tls", "root",
	"rewrite", "redir", "respond", "import", "basic_auth", "forward_auth", "request_header", "request_body", "uri", "try_files", "vars", "map", "bind", "metrics",
}

// nearest returns the subdirective that differs least from word, at most by two typing
// errors, or "".
func nearest(word string, rows directive.Rows) string {
	if len(word) < 3 || len(word) > 20 {
		return ""
	}
	best, distance := "", 3
	for _, row := range rows {
		if d := editDistance(word, row.Name()); d < distance {
			best, distance = row.Name(), d
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
