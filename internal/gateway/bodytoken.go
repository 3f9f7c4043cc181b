package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/portal/route"
)

// bodyTokens are the names under which RFC 6750 (2.2, 2.3) lets a token travel in a
// body and in a query. Of such a token nobody is asked whose it is, so where tokens
// are declared it gets no further.
var bodyTokens = []string{"access_token"}

// maxParsed bounds, in bytes, a body in which a token is looked for. Programs that take
// fields from a body take less.
const maxParsed = 16 << 20

// tokenBeside reports whether the query carries a token that is not declared.
func (x *exchange) tokenBeside() bool {
	if x.g.Bearer.Header == "" {
		return false
	}
	names := slices.DeleteFunc(slices.Clone(bodyTokens), x.declaredQuery)
	return route.HasParameter(x.r.URL.RawQuery, names) || route.HasParameter(x.client.URL.RawQuery, names)
}

var (
	errTokenInBody  = errors.New("the body carries a token, which belongs into a header")
	errUnreadable   = errors.New("the body is of a form in which a token could be hidden")
	errParsedLength = errors.New("the body is too long to look for a token in it")
)

// bodyNames are the fields that no body may have: portals that take a declared parameter
// from the query take it from a form, too (PHP its session's id), where nobody asks.
func (x *exchange) bodyNames() []string {
	if x.g.Bearer.Header == "" {
		return x.g.Queries
	}
	return append(slices.Clone(bodyTokens), x.g.Queries...)
}

// checkBody reads the body of a request to a portal of tokens or declared parameters and
// refuses one that carries any. It returns a status, or 0.
func (x *exchange) checkBody() (int, error) {
	names := x.bodyNames()
	if len(names) == 0 || !hasBody(x.r) {
		return 0, nil
	}
	if x.body == nil {
		if err := x.readBody(); err != nil {
			return 0, err
		}
	}
	switch err := bodyToken(x.r.Header, x.body, names); {
	case errors.Is(err, errTokenInBody):
		return http.StatusForbidden, nil
	case errors.Is(err, errUnreadable):
		return http.StatusUnsupportedMediaType, nil
	case errors.Is(err, errParsedLength):
		return http.StatusRequestEntityTooLarge, nil
	case err != nil:
		return 0, err
	}
	return 0, nil
}

// bodyToken looks for a token in a body as programs read it: as a form or as JSON, by
// the declared type, and in doubt as both. Files are left alone.
func bodyToken(h http.Header, body *spool, names []string) error {
	kind, parameters, err := mime.ParseMediaType(h.Get("Content-Type"))
	if kind == "multipart/form-data" && len(h["Content-Type"]) == 1 && len(h["Content-Encoding"]) == 0 {
		return partToken(body.reader(), parameters["boundary"], names)
	}
	form, inJSON := kind == "application/x-www-form-urlencoded", kind == "application/json" || strings.HasSuffix(kind, "+json")
	if err != nil || kind == "" || kind == "text/plain" {
		form, inJSON = true, true
	}
	if !form && !inJSON && kind != "multipart/form-data" {
		return nil
	}
	charset := parameters["charset"]
	if len(h["Content-Encoding"]) > 0 || len(h["Content-Type"]) > 1 || !slices.Contains([]string{"", "utf-8", "utf8"}, strings.ToLower(charset)) {
		return errUnreadable
	}
	if body.size > maxParsed {
		return errParsedLength
	}
	text := make([]byte, body.size)
	if _, err := body.readAt(text); err != nil {
		return err
	}
	if form && route.HasParameter(string(text), names) {
		return errTokenInBody
	}
	if !inJSON || kind != "application/json" && !bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n\ufeff"), []byte("{")) {
		return nil
	}
	return keyOf(text, names)
}

// partToken looks at the names of a form's parts.
func partToken(body io.Reader, boundary string, names []string) error {
	if boundary == "" {
		return errUnreadable
	}
	for parts := multipart.NewReader(body, boundary); ; {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil || part.FormName() == "" {
			return errUnreadable
		}
		if route.HasParameter(url.QueryEscape(part.FormName())+"=", names) {
			return errTokenInBody
		}
	}
}

// keyOf looks for one of the names among the own keys of a JSON object. What can't be
// read to its end could be read by others: nested deeper, or in another encoding.
func keyOf(text []byte, names []string) error {
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	open, err := d.Token()
	if errors.Is(err, io.EOF) || err == nil && open != json.Delim('{') {
		return nil
	}
	for err == nil && d.More() {
		var key json.Token
		if key, err = d.Token(); err != nil {
			break
		}
		if name, ok := key.(string); ok && slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) }) {
			return errTokenInBody
		}
		var value json.RawMessage
		err = d.Decode(&value)
	}
	if err != nil {
		return errUnreadable
	}
	return nil
}

// reader reads what was written from its beginning, and leaves it to be read again.
func (s *spool) reader() io.Reader {
	s.mu.Lock()
	defer s.mu.Unlock()
	mem := bytes.NewReader(s.mem.Bytes())
	if s.file == nil {
		return mem
	}
	return io.MultiReader(mem, io.NewSectionReader(s.file, 0, s.size-int64(s.mem.Len())))
}

// readAt reads the whole of what was written from its beginning, and leaves it to be
// read again.
func (s *spool) readAt(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := copy(p, s.mem.Bytes())
	if n == len(p) {
		return n, nil
	}
	if s.file == nil {
		return n, io.ErrUnexpectedEOF
	}
	m, err := s.file.ReadAt(p[n:], 0)
	return n + m, err
}
