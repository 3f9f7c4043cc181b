package transfer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Errors about a file as a whole. Read returns them with the number of the line.
var (
	errEmpty  = errors.New("the file is empty: want a line for each user")
	errBinary = errors.New("this is no text: want CSV or JSON lines in UTF-8")
	errUTF16  = errors.New("this is UTF-16: save the file as UTF-8")
)

// Errors about one line; see ofLine.
var (
	errLong   = fmt.Errorf("longer than %d bytes", maxLine)
	errNoUTF8 = errors.New("not UTF-8: save the file as UTF-8")
)

// lines reads a text line by line.
type lines struct {
	r      *bufio.Reader
	number int // of the line read last, from 1
}

// newLines refuses an empty file and UTF-16, and skips UTF-8's byte order mark.
func newLines(r io.Reader) (*lines, error) {
	l := &lines{r: bufio.NewReaderSize(r, maxLine)}
	head, err := l.r.Peek(3)
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")):
		return nil, errUTF16
	case string(head) == "\ufeff":
		_, err = l.r.Discard(len(head))
		return l, err
	case len(head) == 0 && errors.Is(err, io.EOF):
		return nil, errEmpty
	case len(head) == 0:
		return nil, err
	}
	return l, nil
}

// next returns a line without its line end. The bytes are valid until the next call. After
// errLong and errNoUTF8, which are about this line only, the next line can be read. io.EOF
// is the end of the file.
func (l *lines) next() ([]byte, error) {
	l.number++
	line, err := l.r.ReadSlice('\n')
	tooLong := errors.Is(err, bufio.ErrBufferFull)
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = l.r.ReadSlice('\n')
	}
	switch {
	case errors.Is(err, io.EOF) && len(line) == 0:
		return nil, io.EOF
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	case bytes.IndexByte(line, 0) >= 0:
		return nil, errBinary
	case tooLong:
		return nil, errLong
	case !utf8.Valid(line):
		return nil, errNoUTF8
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

// ofLine reports whether an error of next is about one line only.
func ofLine(err error) bool { return errors.Is(err, errLong) || errors.Is(err, errNoUTF8) }
