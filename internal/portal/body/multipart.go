package body

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
)

const (
	// maxHeaders bounds, in bytes, the headers of one part.
	maxHeaders = 16 << 10
	// maxParts bounds the parts of one body. It is far above the defaults of portals, so it refuses
	// no body that they accept: PHP, Go, Django and Tomcat accept about 1,000 parts, Rack 4,096.
	maxParts = 20000
	// maxNames bounds the names in the headers of one part.
	maxNames = 16
)

// multipart reads a body in parts (RFC 2046, RFC 7578) and looks at their names. It keeps
// no more of a part than its headers and the beginning of its value.
//
// Parsers differ in where they see a delimiter:
//
//   - PHP (rfc1867.c) reads on after the closing delimiter, takes a part without an end,
//     ends lines at a bare LF, and compares whole lines, without blanks at their end;
//   - Django and Rack end a part at a delimiter in the middle of a line, and Django takes
//     what is before the first and after the last for a part;
//   - Werkzeug ends lines at CRLF, LF or CR; commons-fileupload and busboy at CRLF only.
//
// All parsers agree if the delimiter occurs in delimiter lines only, as RFC 2046 requires, and if
// all lines end in the same way. Any other body is unreadable.
func (s *scan) multipart(r io.Reader, boundary string) error {
	m := &segments{in: bufio.NewReaderSize(r, 32<<10), delimiter: []byte("--" + boundary)}
	if err := m.next(); err != nil {
		return err
	}
	if m.more && m.size > 0 && !bytes.HasSuffix(m.last, lf) || disposes(m.head) {
		return ErrUnreadable
	}
	p := parts{scan: s}
	preamble := bytes.Clone(m.last)
	for m.more {
		if err := m.next(); err != nil {
			return err
		}
		if err := p.take(m, preamble); err != nil {
			return err
		}
		preamble = nil
	}
	return nil
}

// segments are the pieces of a body between the occurrences of a delimiter.
type segments struct {
	in        *bufio.Reader
	delimiter []byte

	// head is the beginning of the segment, size its length, last its last two bytes; more
	// says that the delimiter follows.
	head, last []byte
	size       int64
	more       bool
}

const maxHead = maxHeaders + maxValue

func (m *segments) next() error {
	m.head, m.last, m.size, m.more = m.head[:0], m.last[:0], 0, false
	for {
		buf, err := m.in.Peek(m.in.Size())
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		at := bytes.Index(buf, m.delimiter)
		n, skip := at, at+len(m.delimiter)
		switch {
		case at >= 0:
			m.more = true
		case err != nil:
			n, skip = len(buf), len(buf)
		default:
			n = len(buf) - len(m.delimiter) + 1
			skip = n
		}
		m.keep(buf[:n])
		if _, err := m.in.Discard(skip); err != nil {
			return err
		}
		if m.more || err != nil {
			return nil
		}
	}
}

func (m *segments) keep(b []byte) {
	m.size += int64(len(b))
	m.head = append(m.head, b[:min(len(b), maxHead-len(m.head))]...)
	m.last = append(m.last, b[max(0, len(b)-2):]...)
	m.last = m.last[max(0, len(m.last)-2):]
}

// parts takes the segments of a body after its first delimiter.
type parts struct {
	*scan
	eol   []byte // the end of lines, known from the first delimiter
	count int
}

var crlf, lf = []byte("\r\n"), []byte("\n")

// take reads a segment: the end of its delimiter line, headers, an empty line, and a
// value up to the end of line before the next delimiter.
func (p *parts) take(m *segments, preamble []byte) error {
	head := m.head
	if rest, ok := bytes.CutPrefix(head, []byte("--")); ok {
		return last(m, rest)
	}
	if p.eol == nil {
		p.eol = crlf
		if bytes.HasPrefix(head, lf) {
			p.eol = lf
		}
	}
	if !bytes.HasPrefix(head, p.eol) || len(preamble) > 0 && !bytes.HasSuffix(preamble, p.eol) || m.more && !bytes.HasSuffix(m.last, p.eol) {
		return ErrUnreadable
	}
	rest := head[len(p.eol):]
	headers, value, found := bytes.Cut(rest, bytes.Repeat(p.eol, 2))
	if bytes.HasPrefix(rest, p.eol) {
		headers, value, found = nil, rest[len(p.eol):], true
	}
	before := int64(len(head) - len(value))
	if !found || len(headers) > maxHeaders || m.more && m.size-before < int64(len(p.eol)) {
		return ErrUnreadable
	}
	names, err := p.names(headers)
	if p.count++; p.count > maxParts {
		return ErrUnreadable
	}
	if err != nil || len(names) == 0 {
		return err
	}
	text := noValue
	if m.more && m.size <= maxHead && !transferCoded(headers) {
		text = string(value[:len(value)-len(p.eol)])
	}
	for _, name := range names {
		if err := p.add(name, text); err != nil {
			return err
		}
	}
	return nil
}

// disposes reports whether b contains the name of the Content-Disposition header. Outside of a
// part, that shows that some parser may find a part there.
func disposes(b []byte) bool { return strings.Contains(lower(string(b)), "content-disposition") }

// last checks the segment after the closing delimiter. PHP continues to read there, and Django may
// read it as a part, so it must not contain a part.
func last(m *segments, rest []byte) error {
	ends := len(rest) == 0 || bytes.HasPrefix(rest, crlf) || bytes.HasPrefix(rest, lf)
	if !ends || m.more || disposes(rest) {
		return ErrUnreadable
	}
	return nil
}

var (
	transferCoding = regexp.MustCompile(`(?i)content-transfer-encoding[ \t]*:[ \t]*([^ \t\r\n;]*)`)
	// file matches the header of a part that every parser reads as a file, in the form in which
	// browsers write it.
	file = regexp.MustCompile(`(?i)^content-disposition:[ \t]*form-data[ \t]*;[ \t]*name="[^"\\;]*"[ \t]*;[ \t]*filename="[^"\\;]+"[ \t]*(;[ \t]*filename\*=[^";]*)?$`)
	// plain matches a Content-Disposition in which every parser finds the same parameters: in the
	// form of browsers, curl and .NET, also with extended parameters (RFC 8187).
	plain = regexp.MustCompile(`(?i)^content-disposition:[ \t]*(?:form-data|attachment|inline|file)(?:[ \t]*;[ \t]*[a-z-]+(?:="(?:[^"\\]|\\.)*"|=[a-z0-9!#$&+.^_|~\[\]/%*\x60-]*|\*="?[^ \t"\\;,=]*"?))*[ \t]*;?[ \t]*$`)
	// named matches the beginning of a name parameter. Parsers differ in where a quoted string
	// begins and ends, so it also matches within quotes.
	named = regexp.MustCompile(`(?i)(?:^|[^a-z0-9])name[ \t]*(\*[^=]{0,8})?[ \t]*=[ \t]*`)
	// contentID matches the header that Rack uses as the name of a part without a name parameter.
	contentID = regexp.MustCompile(`(?im)^content-id:[ \t]*<?([^>\n]*)`)
)

// transferCoded reports whether a part's value is coded in a way that Django and Go undo,
// and others don't.
func transferCoded(headers []byte) bool {
	for _, m := range transferCoding.FindAllSubmatch(headers, -1) {
		switch lower(string(m[1])) {
		case "7bit", "8bit", "binary":
		default:
			return true
		}
	}
	return false
}

// names returns the wanted names that at least one parser reads from the headers of a part.
func (p *parts) names(headers []byte) (names []string, err error) {
	lines, err := p.lines(headers)
	if err != nil {
		return nil, err
	}
	dispositions, isFile := 0, false
	for _, line := range strings.Split(lines, "\n") {
		if !disposes([]byte(line)) {
			continue
		}
		if !plain.MatchString(line) {
			return nil, ErrUnreadable
		}
		dispositions++
		isFile = file.MatchString(line)
	}
	if isFile && dispositions == 1 {
		return nil, nil
	}
	wanted := func(sent string) {
		if name, ok := p.scan.name(sent); ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	all := named.FindAllStringSubmatchIndex(lines, maxNames+1)
	if len(all) > maxNames {
		return nil, ErrUnreadable
	}
	for _, at := range all {
		star := ""
		if at[2] >= 0 {
			star = lines[at[2]:at[3]]
		}
		value, _, _ := strings.Cut(lines[at[1]:], "\n")
		readings, err := nameReadings(value, star)
		if err != nil {
			return nil, err
		}
		for _, n := range readings {
			wanted(n)
		}
	}
	for _, m := range contentID.FindAllStringSubmatch(lines, -1) {
		wanted(strings.TrimSpace(m[1]))
	}
	return names, nil
}

// lines returns the headers with "\n" between them and without folding. Headers with
// control characters or with ends of lines of another kind are unreadable, as is a line
// without a colon: PHP joins it to the line before.
func (p *parts) lines(headers []byte) (string, error) {
	text := string(headers)
	if len(p.eol) == 2 {
		text = strings.ReplaceAll(text, "\r\n", "\x00")
	} else {
		text = strings.ReplaceAll(text, "\n", "\x00")
	}
	if bytes.IndexByte(headers, 0) >= 0 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' && r != 0 || r == 0x7f }) {
		return "", ErrUnreadable
	}
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\x00 ", " "), "\x00\t", "\t")
	text = strings.ReplaceAll(text, "\x00", "\n")
	for line := range strings.SplitSeq(text, "\n") {
		if text != "" && !strings.Contains(line, ":") {
			return "", ErrUnreadable
		}
	}
	return text, nil
}

// nameReadings returns the names that parsers read from the value of a name parameter. star is the
// text between "name" and "=": empty, or "*" for the form of RFC 2231. commons-fileupload, busboy,
// Go and Python support that form, and its continuations ("*0"), which make the body unreadable.
// commons-fileupload also decodes the encoded words of RFC 2047 ("=?utf-8?q?…?="); they make the
// body unreadable, too.
func nameReadings(value, star string) (readings []string, err error) {
	token, _, _ := strings.Cut(value, ";")
	token = strings.TrimRight(token, " \t")
	word, _, _ := strings.Cut(strings.NewReplacer("\t", " ", ",", " ").Replace(token), " ")
	bare := strings.Trim(token, "\"'")
	readings = []string{token, word, bare}
	switch {
	case star != "" && strings.TrimSpace(star) != "*":
		return nil, ErrUnreadable
	case star != "":
		bare = bare[strings.LastIndexByte(bare, '\'')+1:]
		readings = append(readings, bare, decode(strings.ReplaceAll(bare, "+", "%2B")))
	case value != "" && (value[0] == '"' || value[0] == '\''):
		first, _, _ := strings.Cut(value[1:], value[:1])
		readings = append(readings, first, unquote(value))
	}
	if slices.ContainsFunc(readings, func(n string) bool { return strings.Contains(n, "=?") }) {
		return nil, ErrUnreadable
	}
	return readings, nil
}

// unquote returns the text from the opening quote of value up to the next unescaped quote of the
// same kind, without the backslashes.
func unquote(value string) string {
	var b strings.Builder
	for i := 1; i < len(value) && value[i] != value[0]; i++ {
		if value[i] == '\\' && i+1 < len(value) {
			i++
		}
		b.WriteByte(value[i])
	}
	return b.String()
}
