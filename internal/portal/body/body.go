// Package body finds session ids and tokens in request bodies. A portal may take a
// session from a field of a form (PHP with session.use_only_cookies=0, and programs that
// read `session_id` themselves), although no cookie of the request shows that session,
// so that no question was asked about it.
//
// [Scan] reads a body in every way in which PHP, servlet containers, Rack, Django, Werkzeug,
// Express and Go are known to read it, and reports each field with a wanted name under any of these
// readings. A body that two of these parsers can read differently, so that a name could be hidden,
// is [ErrUnreadable]. Bodies of other types (XML, images, protocol buffers) are scanned only if
// they begin as a JSON object or array.
//
// Bodies are read as streams: memory is bounded for every body, and the time is linear in its
// length. Package gateway calls Scan after it has read the whole body into a spool.
package body

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/secondgate/secondgate/internal/contentcoding"
	"github.com/secondgate/secondgate/internal/portal/cookie"
)

// Field is a wanted field of a body.
type Field struct {
	// Name is the name for which wanted reported true: as it was sent, or as one of the
	// parsers changes it.
	Name string
	// Value is decoded. It begins with a NUL if the parsers do not agree on it, or if it
	// is no text or too long; no cookie has such a value.
	Value string
}

// Batch is the name under which Scan reports a batch of requests: an array of requests at the top
// of a JSON body, what PHP reads as such an array ({"0":{"query":…}}, the form 0[query]=…), or
// several JSON texts one after another. Many portals execute each request of a batch. Other arrays
// are the arguments of a server action and are not reported.
const Batch = "["

// noValue is the Value of a field that can't be compared with a cookie's.
const noValue = "\x00"

// Errors of Scan besides those of reading the body.
var (
	// ErrUnreadable says that a wanted name could be hidden from Scan and still be read by
	// the portal. The status for it is 415.
	ErrUnreadable = errors.New("parsers could read the body differently")
	// ErrTooLong says that the body expands to more than MaxDecoded bytes. The status for
	// it is 413.
	ErrTooLong = errors.New("the compressed body is too long to be looked through")
)

const (
	// MaxDecoded bounds, in bytes, what a compressed body is expanded to. Bodies that are
	// not compressed have no bound here.
	MaxDecoded = 64 << 20
	// maxName and maxValue bound what is kept of one name and one value as sent. Names of
	// cookies have at most 128 bytes, values 4,096; each byte may be sent as six.
	maxName  = 4 << 10
	maxValue = 32 << 10
	// maxFields bounds the wanted fields of one body. Honest bodies have one or two.
	maxFields = 64
)

// sessionNames are fields from which portals are known to take a session: those of
// route.StripSessionIDs (PHP, servlets, ColdFusion, osCommerce, Zen Cart), and
// `session_id`, which programs of many kinds read from forms and JSON. "sid" is not among
// them: too many programs mean something else.
var sessionNames = [...]string{"phpsessid", "jsessionid", "cfid", "cftoken", "oscsid", "zenid", "session_id"}

// SessionName reports whether portals are known to take a session from a field of this
// name, in any case and as PHP changes names.
func SessionName(name string) bool {
	for _, known := range sessionNames {
		if cookie.Same(known, name) {
			return true
		}
	}
	return false
}

// Allowed reports whether own is true for every field: the body then carries only values that
// the request's cookies carry too, as with double-submit protection against CSRF.
func Allowed(fields []Field, own func(name, value string) bool) bool {
	for _, f := range fields {
		if !own(f.Name, f.Value) {
			return false
		}
	}
	return true
}

// Scan looks for fields with wanted names in the body of a request with this header.
// open returns a reader of the whole body from its beginning; it may be called several
// times, one reader after another. wanted gets names as parsers read them and has to
// compare them as [cookie.Same] does.
//
// Errors: ErrUnreadable, ErrTooLong, those of the readers.
func Scan(h http.Header, open func() io.Reader, wanted func(name string) bool) ([]Field, error) {
	begin, err := bufio.NewReaderSize(open(), 16).Peek(4)
	if len(begin) == 0 && errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	k, err := kindOf(h)
	if err != nil {
		return nil, err
	}
	if wideJSON(begin) && (k.form || k.json) && k.boundary == "" {
		return nil, ErrUnreadable // Python's json reads UTF-16 and UTF-32 unasked
	}
	s := &scan{wanted: wanted}
	if k.coding == "" {
		err := s.read(k, open)
		return s.fields, err
	}
	// Most servers ignore Content-Encoding in requests, some undo it (Express's
	// body-parser, mod_deflate): the body is read in both ways.
	asSent := k
	asSent.json = false
	if err := s.read(asSent, open); err != nil {
		return s.fields, err
	}
	err = s.readDecoded(k, open)
	return s.fields, err
}

// wideJSON reports whether a body may begin as JSON in UTF-16 or UTF-32 does: with one of
// its ASCII characters between NULs, perhaps behind a byte order mark.
func wideJSON(begin []byte) bool {
	text := bytes.Trim(begin, "\x00\xfe\xff")
	if len(text) == 0 {
		return bytes.Contains(begin, []byte("\xfe\xff")) || bytes.Contains(begin, []byte("\xff\xfe"))
	}
	return bytes.IndexByte(begin, 0) >= 0 && strings.IndexByte("{[\" \t\r\n", text[0]) >= 0
}

// scan is the state of one call of Scan.
type scan struct {
	wanted func(name string) bool
	fields []Field
}

// add records a field. A body with more wanted fields than any honest body has is unreadable.
func (s *scan) add(name, value string) error {
	if len(s.fields) >= maxFields {
		return ErrUnreadable
	}
	s.fields = append(s.fields, Field{name, value})
	return nil
}

// read reads a body in all ways of its kind.
func (s *scan) read(k kind, open func() io.Reader) error {
	if k.boundary != "" {
		if err := s.multipart(open(), k.boundary); err != nil {
			return err
		}
	}
	if k.form {
		if err := s.form(open()); err != nil {
			return err
		}
	}
	return s.json(open(), k.json)
}

// readDecoded decompresses the body and reads the result, until the compressed data is damaged.
// No parser reads further than that.
func (s *scan) readDecoded(k kind, open func() io.Reader) error {
	var opened []io.Closer
	defer func() {
		for _, c := range opened {
			c.Close()
		}
	}()
	return s.read(k, func() io.Reader {
		sent := &source{from: open()}
		z, err := contentcoding.NewReader(k.coding, sent)
		if err != nil {
			z = http.NoBody
		}
		opened = append(opened, z)
		return &decoded{source: sent, from: z, left: MaxDecoded}
	})
}

// source is a reader that stores the error of reading the body, so that it can be distinguished
// from damaged compressed data.
type source struct {
	from io.Reader
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// decoded reads at most left bytes, and takes damaged data for the end.
type decoded struct {
	source *source
	from   io.Reader
	left   int
}

func (d *decoded) Read(p []byte) (int, error) {
	n, err := d.from.Read(p)
	d.left -= n
	switch {
	case d.source.err != nil:
		return n, d.source.err
	case d.left < 0:
		return 0, ErrTooLong
	case err != nil:
		return n, io.EOF
	}
	return n, nil
}
