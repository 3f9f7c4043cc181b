package body

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// json reads a body as JSON and collects the keys of each top-level object. It collects repeated
// keys too, because parsers differ in whether the first or the last counts. It follows strings
// and brackets only. Therefore it finds every key that any parser finds, including a lenient one
// that accepts unquoted keys or a trailing comma.
//
// Bytes that JSON does not allow outside strings could make such a reader lose its place:
// comments (Ruby's parser skips them), single quotes (JSON5), NULs (Jackson recognises UTF-16 by
// them). If the declared type is JSON, a body with such bytes is unreadable. Any other body is
// read only if it begins with "{" or "[", and only up to the first such byte, because strict
// parsers refuse the body there.
func (s *scan) json(r io.Reader, declared bool) error {
	j := &jsonReader{scan: s, in: bufio.NewReaderSize(r, 32<<10)}
	if bom, _ := j.in.Peek(3); bytes.Equal(bom, []byte("\ufeff")) {
		_, _ = j.in.Discard(3)
	}
	if c, err := j.next(); err != nil || !declared && c != '{' && c != '[' {
		return ended(err)
	}
	if err := j.in.UnreadByte(); err != nil {
		return err
	}
	err := j.values()
	if errors.Is(err, errNoJSON) {
		if declared {
			return ErrUnreadable
		}
		return nil
	}
	return ended(err)
}

// errNoJSON reports a byte that JSON does not allow at its place.
var errNoJSON = errors.New("not JSON")

// ended returns nil for the end of the body, and any other error unchanged.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

type jsonReader struct {
	*scan
	in    *bufio.Reader
	depth int
	// key is the last string or word at the top of an object, until it turns out to be
	// none; hasKey says that there is one.
	key    string
	hasKey bool
	// array says that the text is an array, which may be a batch; element that the last key
	// at the top is a number, so that PHP makes the same of the object.
	array, element bool
	// texts counts the objects and arrays that begin at the top.
	texts int
}

// ofRequests has the keys by which the requests of a batch are recognised: those of GraphQL,
// JSON-RPC, and batches of HTTP requests.
var ofRequests = []string{"query", "queryid", "documentid", "variables", "operationname", "operations", "mutation", "extensions", "jsonrpc", "method", "url", "uri", "path", "body"}

// next returns the next byte that is no white space. 0x1e separates texts (RFC 7464).
func (j *jsonReader) next() (byte, error) {
	for {
		c, err := j.in.ReadByte()
		if err != nil || c != ' ' && c != '\t' && c != '\r' && c != '\n' && c != 0x1e {
			return c, err
		}
	}
}

// values reads to the end of the body; several texts may follow each other.
func (j *jsonReader) values() error {
	for {
		c, err := j.next()
		if err == nil {
			err = j.token(c)
		}
		if err != nil {
			return err
		}
	}
}

func (j *jsonReader) token(c byte) error {
	switch {
	case c == ':' && j.hasKey && j.depth == 1:
		j.hasKey, j.element = false, isIndex(j.key)
		return j.value()
	case c == '"' && j.depth == 1:
		return j.readKey(j.text)
	case c == '"' && j.inElement():
		return j.batch(j.text)
	case c == '"':
		_, _, err := j.text(0)
		return err
	case isWord(c) && j.inElement():
		if err := j.in.UnreadByte(); err != nil {
			return err
		}
		return j.batch(j.word)
	case isWord(c) && j.depth == 1:
		if err := j.in.UnreadByte(); err != nil {
			return err
		}
		return j.readKey(j.word)
	case isWord(c):
		return nil
	}
	j.hasKey = false
	if j.depth == 0 {
		if err := j.begins(c); err != nil {
			return err
		}
	}
	switch c {
	case '{', '[':
		j.depth++
	case '}', ']':
		j.depth--
	case ':', ',':
	default:
		return errNoJSON
	}
	if j.depth < 0 {
		return errNoJSON
	}
	return nil
}

// begins counts the JSON texts of the body. Several texts in one body are a batch, as in NDJSON.
func (j *jsonReader) begins(c byte) error {
	j.array, j.element = c == '[', false
	if c == '{' || c == '[' {
		j.texts++
	}
	if j.texts == 2 && j.wanted(Batch) {
		return j.add(Batch, noValue)
	}
	return nil
}

// inElement reports whether a string is inside of what may be an element of a batch.
func (j *jsonReader) inElement() bool {
	return (j.array || j.element) && j.depth == 2 && j.wanted(Batch)
}

// batch reads what may be a key of an element of an array, and reports a batch if it is one
// of a request's.
func (j *jsonReader) batch(read func(limit int) (string, bool, error)) error {
	key, _, err := read(maxName)
	if slices.Contains(ofRequests, strings.ToLower(key)) {
		return errors.Join(j.add(Batch, noValue), err)
	}
	return err
}

// readKey reads what may turn out to be a key.
func (j *jsonReader) readKey(read func(limit int) (string, bool, error)) error {
	key, long, err := read(maxName)
	j.key, j.hasKey = key, !long
	return err
}

// value reads the value of a key, if that is wanted. Objects and arrays are left to be
// read on.
func (j *jsonReader) value() error {
	if !j.wanted(j.key) {
		return nil
	}
	name := j.key
	c, err := j.next()
	if err != nil {
		return errors.Join(j.add(name, noValue), err)
	}
	var value string
	var long bool
	switch {
	case c == '"':
		value, long, err = j.text(maxValue)
	case isWord(c):
		if err = j.in.UnreadByte(); err == nil {
			value, long, err = j.word(maxValue)
		}
	default:
		long, err = true, j.in.UnreadByte()
	}
	if long || err != nil || !utf8.ValidString(value) {
		value = noValue // parsers refuse or replace what is not UTF-8
	}
	return errors.Join(j.add(name, value), err)
}

// text reads a string after its quote and returns it decoded. It keeps at most limit
// bytes as sent, and says whether there were more.
func (j *jsonReader) text(limit int) (s string, long bool, err error) {
	var b []byte
	for escaped := false; ; {
		c, err := j.in.ReadByte()
		if err != nil {
			return "", long, err
		}
		if c == '"' && !escaped {
			return unescape(string(b)), long, nil
		}
		escaped = c == '\\' && !escaped
		if len(b) < limit {
			b = append(b, c)
		} else {
			long = true
		}
	}
}

// word reads a number, a literal, or what lenient parsers take for a key.
func (j *jsonReader) word(limit int) (s string, long bool, err error) {
	var b []byte
	for {
		c, err := j.in.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return string(b), long, nil
		case err != nil:
			return "", long, err
		case !isWord(c):
			return string(b), long, j.in.UnreadByte()
		case len(b) < limit:
			b = append(b, c)
		default:
			long = true
		}
	}
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '+' || c == '.' || c == '_' || c == '$'
}

// unescape decodes the inside of a string. An escape that JSON does not have stands for
// the character itself, as with lenient parsers.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		if c, ok := unhex(s[i:], `\u`, 4); ok {
			i += len(`\uXXXX`) - 1
			if low, ok := unhex(s[i+1:], `\u`, 4); ok && utf16.IsSurrogate(c) {
				if pair := utf16.DecodeRune(c, low); pair != utf8.RuneError {
					c = pair
					i += len(`\uXXXX`)
				}
			}
			b = utf8.AppendRune(b, c)
			continue
		}
		i++
		if at := strings.IndexByte("bfnrt", s[i]); at >= 0 {
			b = append(b, "\b\f\n\r\t"[at])
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}
