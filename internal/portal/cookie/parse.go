// Package cookie parses and writes the two header fields of RFC 6265. It parses Cookie
// strictly, because an attacker can send any Cookie header, and Set-Cookie as browsers do,
// because the portal writes it for them. Package portal is the main caller.
//
// It guarantees that every parser that a portal may have reads the pairs from [Parse] in the
// same way. A pair that two parsers could read differently is not returned.
package cookie

import (
	"errors"
	"strings"
)

// MaxPairs is the largest number of pairs in a Cookie header. Browsers keep at most some 180
// cookies per host. Go ignores a header with more than 3,000 pairs; PHP reads any number.
const MaxPairs = 200

// maxName is the maximal length of a name in bytes. It also bounds the cost of comparing
// names.
const maxName = 128

// No ordinary browser sends a request with one of these faults. The gateway answers it with
// 400.
var (
	// ErrLines: more than one Cookie line. Those of HTTP/2 and HTTP/3 were joined before.
	ErrLines = errors.New("more than one Cookie line")
	// ErrControl: a control character.
	ErrControl = errors.New("control character in the Cookie header")
	// ErrPairs: more than MaxPairs pairs.
	ErrPairs = errors.New("too many cookies")
)

// Parse reads a request's Cookie header:
//
//	line  = pair *( ";" *SP pair )
//	pair  = name "=" value / ""
//	name  = 1*128( ALPHA / DIGIT / "-" / "_" / "." )
//	value = *( %x21-7E, except DQUOTE "," ";" "\" )
//
// It yields the pairs in their order, including several of one name. A caller that uses
// unsealed pairs must drop those with names that are Same. Pairs of another shape are not
// yielded. Their names are returned unchanged for the log: "" where there is none, and at
// most 128 bytes. Some honest scripts set such cookies, so they are no error: quotes
// (RFC 2109), backslashes and bytes from 0x80 (Go drops the pair), commas and
// blanks (Java's and Python's separators), "$" (RFC 2965 attributes), "%" and "+" in
// names (older PHP decodes them), "[" (PHP makes an array).
//
// An error is ErrLines, ErrControl or ErrPairs, and then nothing was yielded. A tab
// is not counted as a control character, because browsers let scripts set it; the
// pair is dropped. Names and values are parts of the line; nothing is allocated
// unless something is dropped.
func Parse(lines []string, yield func(name, value string)) (dropped []string, err error) {
	if len(lines) == 0 {
		return nil, nil
	}
	if len(lines) > 1 {
		return nil, ErrLines
	}
	odd, err := check(lines[0])
	if err != nil {
		return nil, err
	}
	for pair, rest, more := cut(lines[0]); ; pair, rest, more = cut(rest) {
		name, value, found := strings.Cut(pair, "=")
		switch {
		case pair == "":
		case found && plainName(name) && plainValue(value, odd):
			yield(name, value)
		case found:
			dropped = append(dropped, name[:min(len(name), maxName)])
		default:
			dropped = append(dropped, "") // without "=" it is a value for some parsers
		}
		if !more {
			return dropped, nil
		}
	}
}

// check returns the error for which the whole header is refused; empty pairs count too. odd
// reports whether the header has a byte, other than a blank, that no value may have. Without
// one, which is usual, plainValue need not check every byte again.
func check(line string) (odd bool, err error) {
	var seen byteClass
	for i := range len(line) {
		seen |= classes[line[i]]
	}
	if seen&control != 0 {
		return false, ErrControl
	}
	if strings.Count(line, ";") >= MaxPairs {
		return false, ErrPairs
	}
	return seen&oddInValue != 0, nil
}

func cut(line string) (pair, rest string, more bool) {
	pair, rest, more = strings.Cut(line, ";")
	return strings.TrimLeft(pair, " "), rest, more
}

func plainName(name string) bool {
	if name == "" || len(name) > maxName {
		return false
	}
	for i := range len(name) {
		if classes[name[i]]&inName == 0 {
			return false
		}
	}
	return true
}

func plainValue(value string, odd bool) bool {
	if strings.IndexByte(value, ' ') >= 0 {
		return false
	}
	for i := 0; odd && i < len(value); i++ {
		if classes[value[i]]&oddInValue != 0 {
			return false
		}
	}
	return true
}

type byteClass uint8

const (
	control byteClass = 1 << iota
	oddInValue
	inName
)

var classes = func() (t [256]byteClass) {
	for i := range t {
		switch c := byte(i); {
		case c < ' ' && c != '\t', c == 0x7f:
			t[c] = control
		case c == '\t', c > 0x7f, c == '"', c == ',', c == '\\':
			t[c] = oddInValue
		case c == '-', c == '_', c == '.', '0' <= c && c <= '9', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z':
			t[c] = inName
		}
	}
	return t
}()

// Same reports whether some parser treats two names as equal: ASP.NET ignores case, PHP drops
// leading blanks and reads ".", " " and "[" as "_". The names may have any bytes, because the
// portal can set cookies with any name.
func Same(a, b string) bool {
	a, b = strings.TrimLeft(a, " "), strings.TrimLeft(b, " ")
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if fold(a[i]) != fold(b[i]) {
			return false
		}
	}
	return true
}

func fold(c byte) byte {
	switch {
	case c == '.' || c == ' ' || c == '[':
		return '_'
	case 'A' <= c && c <= 'Z':
		return c + 'a' - 'A'
	}
	return c
}
