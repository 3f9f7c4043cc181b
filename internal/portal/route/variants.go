// Package route answers questions about a request's address that a portal and a gateway could
// answer differently: which path it is, whether it is an asset, whether it carries a session id.
//
// It guarantees that each answer is the safe one under every reading that is known of some web
// server, framework or proxy. A path that can't be read in a bounded number of ways is refused.
// Packages portal, exempt and request call it.
package route

import (
	"slices"
	"strings"
)

// MaxVariants bounds the readings of one path. Honest ones have at most a dozen.
const MaxVariants = 128

// maxPath bounds the length of a path that is not plain, maxBytes the total length of its variants,
// in bytes.
const (
	maxPath  = 8192
	maxBytes = 64 << 10
)

// Variants appends to dst every path that some server may take p for, p itself
// first: percent-decoded (again), backslashes as slashes, slashes merged, dots
// resolved, `;` parameters, trailing dots and blanks and NTFS streams of a segment
// cut, everything from a NUL, `?` or `#` cut, path info behind a script cut
// (/xmlrpc.php/x), segments that hold a session id left out (see StripSessionIDs), lower
// case, and all of these in any order. p is URL.Path, which net/url has decoded once,
// as every server does.
//
// ok is false if there are more than MaxVariants, or if they have more than maxBytes, or if p is
// not plain and longer than maxPath. No rule can be certain about such a path, so the caller
// refuses the request with 400. A path with nothing unusual in it is its only variant, and nothing
// is allocated if dst has room.
func Variants(dst []string, p string) (variants []string, ok bool) {
	dst = append(dst, p)
	if plain(p) {
		return dst, true
	}
	if len(p) > maxPath {
		return dst, false
	}
	// A breadth-first walk: every reading may be read again by the next server.
	own, size := len(dst)-1, len(p)
	for i := own; i < len(dst); i++ {
		for _, read := range readings {
			v := read(dst[i])
			if slices.Contains(dst[own:], v) {
				continue
			}
			if size += len(v); len(dst)-own == MaxVariants || size > maxBytes {
				return dst, false
			}
			dst = append(dst, v)
		}
	}
	return dst, true
}

var readings = [...]func(string) string{
	decode, slashes, merge, resolve, cutParameters, trimSegments, cutRest, CutPathInfo, cutSessions, lower,
}

// plain reports whether no reading changes the path. Dots matter at the beginning of
// a segment, at its end, and where the segment is a script with something behind.
func plain(p string) bool {
	for i := range len(p) {
		switch c := p[i]; {
		case plainByte[c]:
		case c == '/':
			if i > 0 && (p[i-1] == '/' || p[i-1] == '.') || strings.HasPrefix(p[i+1:], ".") {
				return false
			}
		default:
			return false
		}
	}
	return !strings.HasSuffix(p, ".") && len(CutPathInfo(p)) == len(p) && len(cutSessions(p)) == len(p)
}

var plainByte = func() (t [256]bool) {
	for _, c := range "abcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,=@" {
		t[c] = true
	}
	return t
}()

func contains(s string, c byte) bool { return strings.IndexByte(s, c) >= 0 }

// decode decodes every valid %XX once and keeps invalid ones, as most servers do.
func decode(p string) string {
	if !strings.Contains(p, "%") {
		return p
	}
	b := make([]byte, 0, len(p))
	for i := 0; i < len(p); i++ {
		if c, ok := unhex(p[i:]); ok {
			b = append(b, c)
			i += 2
			continue
		}
		b = append(b, p[i])
	}
	return string(b)
}

// unhex reads the %XX that s begins with.
func unhex(s string) (c byte, ok bool) {
	if len(s) < 3 || s[0] != '%' {
		return 0, false
	}
	for _, digit := range []byte(s[1:3]) {
		at := strings.IndexByte("0123456789abcdef", digit|0x20)
		if at < 0 || digit < '0' {
			return 0, false
		}
		c = c<<4 | byte(at)
	}
	return c, true
}

// lower converts ASCII letters only, because servers ignore the case of these only. Bytes that are
// not UTF-8 are kept.
func lower(p string) string {
	b := []byte(p)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func slashes(p string) string { return strings.ReplaceAll(p, `\`, "/") }

func merge(p string) string {
	for strings.Contains(p, "//") {
		p = strings.ReplaceAll(p, "//", "/")
	}
	return p
}

// resolve removes dot segments (RFC 3986 5.2.4), keeping empty segments and a slash
// at the end.
func resolve(p string) string {
	if !strings.Contains(p, "/.") {
		return p
	}
	segments := strings.Split(p, "/")
	kept := segments[:0:0]
	for i, s := range segments {
		last := i == len(segments)-1
		switch {
		case s != "." && s != "..":
			kept = append(kept, s)
			continue
		case s == ".." && len(kept) > 1:
			kept = kept[:len(kept)-1]
		}
		if last {
			kept = append(kept, "")
		}
	}
	return strings.Join(kept, "/")
}

func cutParameters(p string) string {
	if !strings.Contains(p, ";") {
		return p
	}
	return mapSegments(p, func(s string) string { s, _, _ = strings.Cut(s, ";"); return s })
}

// trimSegments reads names as Windows does: "x.php.", "x.php " and "x.php::$DATA" are x.php. It
// leaves dot segments to resolve.
func trimSegments(p string) string {
	return mapSegments(p, func(s string) string {
		s, _, _ = strings.Cut(strings.TrimRight(s, " "), "::$")
		if s == "." || s == ".." {
			return s
		}
		return strings.TrimRight(s, ". ")
	})
}

// cutRest cuts the path at a NUL, where C ends a string, and at a "?" or "#", where a proxy that
// decodes too early begins the query.
func cutRest(p string) string {
	if i := strings.IndexAny(p, "\x00?#"); i >= 0 {
		return p[:i]
	}
	return p
}

// CutPathInfo cuts what follows the first segment that names a script.
func CutPathInfo(p string) string {
	for from := 0; ; {
		i := strings.IndexByte(p[from:], '/')
		if i < 0 {
			return p
		}
		if isScript(p[from : from+i]) {
			return p[:from+i]
		}
		from += i + 1
	}
}

// isScript reports whether a segment is the name of a file that servers run.
func isScript(segment string) bool {
	dot := strings.LastIndexByte(segment, '.')
	if dot < 0 || len(segment)-dot > len(".action") {
		return false
	}
	for _, ext := range scripts {
		if strings.EqualFold(segment[dot+1:], ext) {
			return true
		}
	}
	return false
}

// scripts are extensions that Apache, nginx, IIS and servlet containers are commonly
// told to run, with whatever follows the name as path info.
var scripts = [...]string{
	"php", "php3", "php4", "php5", "php7", "php8", "pht", "phtml", "phar", "phps", "inc",
	"jsp", "jspx", "jspa", "jsf", "faces", "xhtml", "do", "action",
	"asp", "aspx", "ashx", "asmx", "axd", "svc", "cer",
	"cgi", "fcgi", "pl", "py", "rb", "lua", "cfm", "cfc", "dll", "exe", "shtml",
}

// cutSessions removes what StripSessionIDs removes from any path. ASP.NET removes it before it
// searches for a file, and the gate removes it before it forwards the request.
func cutSessions(p string) string {
	if !contains(p, '(') && !contains(p, '=') {
		return p
	}
	cut, changed := stripSegments(p, nil)
	switch {
	case !changed:
		return p
	case cut == "":
		return "/"
	}
	return cut
}

func mapSegments(p string, f func(string) string) string {
	segments := strings.Split(p, "/")
	for i, s := range segments {
		segments[i] = f(s)
	}
	return strings.Join(segments, "/")
}
