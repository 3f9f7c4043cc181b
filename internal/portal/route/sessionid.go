package route

import (
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// sessionNames are parameters by which portals are known to take a session from the
// URL: PHP, servlets, ColdFusion, osCommerce and Zen Cart. "sid" and "session_id"
// are not among them: too many applications mean something else.
var sessionNames = [...]string{"phpsessid", "jsessionid", "cfid", "cftoken", "oscsid", "zenid"}

// StripSessionIDs takes session ids out of a URL: `;jsessionid=…` in any segment of
// the path, `/(S(…))` (ASP.NET's cookieless sessions and tickets) and `/PHPSESSID=…`
// (PHP looks there too) as whole segments, and parameters of the query, which both
// `&` and `;` separate. Besides the built-in
// names those count for which names reports true; it gets them percent-decoded and as
// PHP reads them (see canonical), in the case that they came in, and has to compare
// by cookie.Same. Everything else in the URL keeps its bytes. Nothing is allocated
// if nothing is stripped and names are plain.
func StripSessionIDs(u *url.URL, names func(string) bool) (changed bool) {
	if contains(u.Path, ';') || contains(u.Path, '(') || contains(u.Path, '=') {
		changed = stripPath(u, names)
	}
	if query, cut := stripQuery(u.RawQuery, names); cut {
		u.RawQuery, changed = query, true
	}
	return changed
}

// stripPath works on the encoded path, so that %2F and similar escapes are kept.
func stripPath(u *url.URL, names func(string) bool) (changed bool) {
	kept, changed := stripSegments(u.EscapedPath(), names)
	if changed {
		setPath(u, kept)
	}
	return changed
}

// stripSegments returns a path without its session ids; it may be empty then.
func stripSegments(p string, names func(string) bool) (kept string, changed bool) {
	var b strings.Builder
	for from := 0; from < len(p); {
		end := segmentEnd(p, from)
		if stripped, cut := stripSegment(p[from:end], names); cut {
			if !changed {
				b.WriteString(p[:from])
			}
			b.WriteString(stripped)
			changed = true
		} else if changed {
			b.WriteString(p[from:end])
		}
		from = end
	}
	if !changed {
		return p, false
	}
	return b.String(), true
}

// segmentEnd returns where the segment that begins at from (with its slash) ends.
func segmentEnd(p string, from int) int {
	if i := strings.IndexByte(p[from+1:], '/'); i >= 0 {
		return from + 1 + i
	}
	return len(p)
}

// stripSegment returns "/name;a=b" without its session ids. An encoded semicolon
// counts, for servers that decode first.
func stripSegment(segment string, names func(string) bool) (stripped string, changed bool) {
	end, _ := semicolon(segment)
	name, rest := segment[:end], segment[end:]
	if cookieless(segment) || strings.Contains(name, "=") && isSession(strings.TrimPrefix(name, "/"), names) {
		return "", true
	}
	var b strings.Builder // once something is left out: a segment may have thousands
	for rest != "" {
		_, width := semicolon(rest)
		end, _ := semicolon(rest[width:])
		parameter := rest[:width+end]
		cut := isSession(rest[width:width+end], names)
		switch {
		case cut && !changed:
			b.WriteString(segment[:len(segment)-len(rest)])
			changed = true
		case changed && !cut:
			b.WriteString(parameter)
		}
		rest = rest[len(parameter):]
	}
	if !changed {
		return segment, false
	}
	return b.String(), true
}

// semicolon finds the first semicolon, encoded or not: where, and how many bytes. It
// returns len(s) and 0 if there is none.
func semicolon(s string) (at, width int) {
	for i := range len(s) {
		switch {
		case s[i] == ';':
			return i, 1
		case len(s) >= i+3 && strings.EqualFold(s[i:i+3], "%3b"):
			return i, 3
		}
	}
	return len(s), 0
}

// cookieless reports whether a segment is like /(S(id)F(ticket)).
func cookieless(segment string) bool {
	if !contains(segment, '(') && !strings.Contains(segment, "%28") {
		return false
	}
	s := decode(segment)
	return len(s) >= len("/(S())") && strings.HasPrefix(s, "/(") && s[3] == '(' &&
		strings.IndexByte("AFSX", s[2]&^0x20) >= 0 && strings.HasSuffix(s, "))")
}

func setPath(u *url.URL, escaped string) {
	if escaped == "" {
		escaped = "/"
	}
	u.Path, u.RawPath = decode(escaped), escaped
	if (&url.URL{Path: u.Path}).EscapedPath() == escaped {
		u.RawPath = "" // the default encoding, as net/url leaves it
	}
}

// stripQuery returns the query without its session ids; each goes with the separator
// before it.
func stripQuery(query string, names func(string) bool) (kept string, changed bool) {
	var b strings.Builder
	for from := 0; from < len(query); {
		start := from
		if isSeparator(query[from]) {
			start++
		}
		end := start
		for end < len(query) && !isSeparator(query[end]) {
			end++
		}
		switch {
		case isSession(query[start:end], names):
			if !changed {
				b.WriteString(query[:from])
			}
			changed = true
		case changed && b.Len() == 0:
			b.WriteString(query[start:end])
		case changed:
			b.WriteString(query[from:end])
		}
		from = end
	}
	if !changed {
		return query, false
	}
	return b.String(), true
}

func isSeparator(c byte) bool { return c == '&' || c == ';' }

// isSession reports whether a parameter's name is that of a session, under the ways in
// which PHP, Rack and qs read brackets.
func isSession(parameter string, names func(string) bool) bool {
	sent, _, _ := strings.Cut(parameter, "=")
	name := canonical(sent)
	if name == "" {
		return false
	}
	if is(name, names) {
		return true
	}
	if !strings.ContainsAny(name, "[]") {
		return false
	}
	array, _ := key(name)
	return is(array, names) || is(strings.ReplaceAll(name, "[", "_"), names)
}

func is(name string, names func(string) bool) bool {
	for _, known := range sessionNames {
		if strings.EqualFold(name, known) {
			return true
		}
	}
	return names != nil && names(name)
}

// canonical reads a parameter's name as PHP does: percent-decoded, `+` as a blank,
// cut at a NUL, leading blanks dropped, dots and blanks as `_`. Brackets are left. Before
// that it undoes %uXXXX, as ASP.NET does: to others that is no name of anything.
func canonical(name string) string {
	if !strings.ContainsAny(name, "%+. \x00") {
		return name
	}
	name = decode(decodeWide(strings.ReplaceAll(name, "+", " ")))
	name, _, _ = strings.Cut(name, "\x00")
	return strings.NewReplacer(".", "_", " ", "_").Replace(strings.TrimLeft(name, " "))
}

// decodeWide takes every %uXXXX once.
func decodeWide(s string) string {
	if !strings.Contains(s, "%u") && !strings.Contains(s, "%U") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if len(s)-i >= len("%uXXXX") && s[i] == '%' && s[i+1]|0x20 == 'u' {
			if n, err := strconv.ParseUint(s[i+2:i+6], 16, 16); err == nil {
				b = utf8.AppendRune(b, rune(n))
				i += len("%uXXXX") - 1
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}
