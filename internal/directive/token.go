package directive

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

var (
	// bare matches words that need no quotes, for Caddy's lexer and for its formatter.
	bare = regexp.MustCompile(`^[A-Za-z0-9/._~:?&=%+,@!*()$|;'\[\]^-][A-Za-z0-9/._~:?&=%+,@!*()$|;'\[\]^<>-]*$`)
	// barePlaceholder matches a placeholder that Caddy reads as one word.
	barePlaceholder = regexp.MustCompile(`^\{[a-z][A-Za-z0-9_.-]*\}$`)
	// shorthands matches short placeholders that Caddy replaces by longer ones, also in quotes
	// (caddyconfig/httpcaddyfile/shorthands.go).
	shorthands = regexp.MustCompile(`\{(host|hostport|port|orig_method|orig_uri|orig_path|orig_dir|orig_file|orig_query|orig_\?query|` +
		`method|uri|%uri|path|%path|dir|file|query|%query|\?query|remote|remote_host|remote_port|scheme|uuid|` +
		`tls_cipher|tls_version|tls_client_[a-z0-9_]+|upstream_hostport|client_ip|` +
		`(header|cookie|labels|path|file|query|re|vars|rp|resp|err|file_match)\.[\w.-]*)\}`)
)

// token returns an argument in a form that Caddy's lexer reads as exactly arg: bare if that is
// safe, and otherwise in the simplest quotes that can contain it. In double quotes, a backslash
// is literal unless a quote follows. In backticks, everything is literal. A heredoc can contain
// everything but a carriage return.
func (w *Writer) token(arg string) string {
	switch {
	case !utf8.ValidString(arg):
		w.Fail(arg, "it is not UTF-8")
	case strings.Contains(arg, "{$"):
		w.Fail(arg, "Caddy would put an environment variable in its place")
	case shorthands.MatchString(arg):
		w.Fail(arg, "Caddy would put a longer placeholder in its place; write that out")
	case bare.MatchString(arg) || barePlaceholder.MatchString(arg):
		return arg
	case !strings.ContainsAny(arg, "\"\\`"):
		return `"` + arg + `"`
	case !strings.Contains(arg, "`") && !strings.HasSuffix(arg, `\`):
		return "`" + arg + "`"
	case !strings.Contains(arg, `\"`) && !strings.HasSuffix(arg, `\`):
		return `"` + strings.ReplaceAll(arg, `"`, `\"`) + `"`
	case strings.Contains(arg, "\r"):
		w.Fail(arg, "no quotes of Caddy's can hold it")
	default:
		return heredoc(arg)
	}
	return ""
}

// heredoc returns text as a heredoc, with a marker that does not occur in it.
func heredoc(text string) string {
	marker := "END"
	for strings.Contains(text, marker) {
		marker += "_"
	}
	return "<<" + marker + "\n" + text + "\n" + marker
}

// Fail sets the error that a value of the current subdirective can't be written, unless an
// earlier one is set. [Write] then returns the error and no text.
func (w *Writer) Fail(value, reason string) {
	if w.err == nil {
		w.err = fmt.Errorf("%s %q cannot be written in a Caddyfile: %s", w.name, value, reason)
	}
}
