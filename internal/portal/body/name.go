package body

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// name returns the wanted name that some parser reads from a decoded field name. The
// readings are:
//
//   - as it is;
//   - PHP's (php_variables.c, php_register_variable_ex): cut at a NUL, leading blanks
//     dropped, dots and blanks as "_", and a "[" without "]" as "_";
//   - an array of that name, which a program may use like its one element, also with
//     brackets before it, which Rack and qs drop.
//
// The field of a batch's element is reported as Batch.
func (s *scan) name(sent string) (name string, ok bool) {
	if OfBatch(sent) && s.wanted(Batch) {
		return Batch, true
	}
	if !strings.ContainsAny(sent, "\x00 .[]") {
		if sent == "" || !s.wanted(sent) {
			return "", false
		}
		return sent, true
	}
	php, _, _ := strings.Cut(sent, "\x00")
	php = strings.TrimLeft(php, " ")
	php = mangled.Replace(php)
	bare := strings.TrimLeft(php, "[]")
	if i := strings.IndexAny(bare, "[]"); i >= 0 {
		bare = bare[:i]
	}
	for _, n := range [...]string{sent, strings.ReplaceAll(php, "[", "_"), bare} {
		if n != "" && s.wanted(n) {
			return n, true
		}
	}
	return "", false
}

// OfBatch reports whether a field of this name is a part of a batch's element, as
// `0[query]`: PHP, Rack and qs make an array of such fields, as of a JSON array. A number
// alone is the argument of a server action, or a file.
func OfBatch(name string) bool {
	name, _, _ = strings.Cut(name, "\x00")
	name = strings.TrimLeft(name, " []")
	i := strings.IndexAny(name, "[].")
	if i < 0 || !isIndex(name[:i]) {
		return false
	}
	key := strings.TrimLeft(name[i:], "[].")
	if end := strings.IndexAny(key, "[]."); end >= 0 {
		key = key[:end]
	}
	return slices.Contains(ofRequests, strings.ToLower(key))
}

// isIndex reports whether a name is one of an array's elements to PHP.
func isIndex(name string) bool {
	return name != "" && strings.Trim(name, "0123456789") == ""
}

var mangled = strings.NewReplacer(".", "_", " ", "_")

// decode undoes the encoding of a form's values: "+" is a blank, a valid %XX is a byte,
// and others stay.
func decode(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if c, ok := unhex(s[i:], "%", 2); ok {
			b = append(b, byte(c))
			i += 2
			continue
		}
		if s[i] == '+' {
			b = append(b, ' ')
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

// decodeName is decode and also undoes %uXXXX, as ASP.NET does. To other parsers that is
// no name of a session.
func decodeName(s string) string {
	if !strings.Contains(s, "%u") && !strings.Contains(s, "%U") {
		return decode(s)
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c, ok := unhex(s[i:], "%u", 4)
		if !ok {
			b = append(b, s[i])
			continue
		}
		b = utf8.AppendRune(b, c)
		i += len("%uXXXX") - 1
	}
	return decode(string(b))
}

// unhex reads the prefix, in any case, and the hexadecimal digits that s begins with.
func unhex(s, prefix string, digits int) (c rune, ok bool) {
	if len(s) < len(prefix)+digits || !strings.EqualFold(s[:len(prefix)], prefix) {
		return 0, false
	}
	for _, d := range []byte(s[len(prefix) : len(prefix)+digits]) {
		switch {
		case '0' <= d && d <= '9':
			d -= '0'
		case 'a' <= d|0x20 && d|0x20 <= 'f':
			d = d | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		c = c<<4 | rune(d)
	}
	return c, true
}
