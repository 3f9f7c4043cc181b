package exempt

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/portal/route"
)

// headers is the matcher `header`; all of them must hold.
type headers []header

type header struct {
	name   string
	absent bool
	values []pattern // none: the header must be there
}

// refused has the headers that a rule can't match, because the portal receives another value
// than the client sent, and the reason for each.
var refused = map[string]string{
	"Host":   "use host",
	"Cookie": "cookies are sealed, so the portal gets other values than the client sends; leave it out",
}

func compileHeader(raw json.RawMessage, _ ClientIP) (condition, error) {
	var m map[string][]string
	if err := decode(raw, &m); err != nil {
		return nil, err
	}
	if len(m) == 0 {
		return nil, errEmpty
	}
	var all headers
	for name, values := range m {
		if err := literal(append([]string{name}, values...)...); err != nil {
			return nil, err
		}
		name = textproto.CanonicalMIMEHeaderKey(name)
		if remedy, ok := refused[name]; ok {
			return nil, fmt.Errorf("%s can't be compared: %s", name, remedy)
		}
		all = append(all, newHeader(name, values))
	}
	return all, nil
}

func newHeader(name string, values []string) header {
	h := header{name: name, absent: values == nil}
	for _, v := range values {
		h.values = append(h.values, newPattern(v))
	}
	return h
}

func (h headers) holds(r *http.Request, _ []string, _ int, sure bool) bool {
	for _, one := range h {
		if sure && !one.surely(r.Header) || !sure && !one.maybe(r.Header) {
			return false
		}
	}
	return true
}

// surely reports whether every server finds the wanted value: the header has exactly one line,
// and there is no header with a name that some server treats as the same. Of several lines
// some servers take the first, others the last, and others join them.
func (h header) surely(sent http.Header) bool {
	lines := 0
	for name, values := range sent {
		if sameHeader(name, h.name) {
			lines += len(values)
		}
	}
	own := sent[h.name]
	switch {
	case h.absent:
		return lines == 0
	case lines != 1 || len(own) != 1:
		return false
	case len(h.values) == 0:
		return true
	}
	for _, p := range h.values {
		if p.matches(own[0]) {
			return true
		}
	}
	return false
}

func (h header) maybe(sent http.Header) bool {
	if h.absent {
		return len(sent[h.name]) == 0
	}
	for name, values := range sent {
		if !sameHeader(name, h.name) {
			continue
		}
		for _, v := range values {
			if h.mayBe(v) {
				return true
			}
		}
	}
	return false
}

func (h header) mayBe(value string) bool {
	if len(h.values) == 0 {
		return true
	}
	value = strings.ToLower(value)
	for _, p := range h.values {
		if p.folded().matches(value) {
			return true
		}
	}
	return false
}

// sameHeader compares header names as CGI does: in upper case, with _ in place of every
// character that is not a letter or digit.
func sameHeader(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if variableByte(a[i]) != variableByte(b[i]) {
			return false
		}
	}
	return true
}

func variableByte(c byte) byte {
	switch {
	case 'a' <= c && c <= 'z':
		return c - 'a' + 'A'
	case 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return c
	}
	return '_'
}

// query is the matcher `query`: all of its parameters must match. If it has no parameters, the
// query of the request must be empty.
type query []parameter

type parameter struct {
	name   string
	any    bool // * is among the values
	values []string
}

// maxParameters is the largest number of parameters in a request that a rule of `trust`,
// `public` or `guest` can match. Servers ignore parameters above a limit; PHP does so from the
// 1,001st on, others earlier.
const maxParameters = 100

func compileQuery(raw json.RawMessage, _ ClientIP) (condition, error) {
	var m url.Values
	if err := decode(raw, &m); err != nil {
		return nil, err
	}
	var all query
	for name, values := range m {
		if err := literal(append([]string{name}, values...)...); err != nil {
			return nil, err
		}
		if len(values) == 0 {
			return nil, errEmpty
		}
		p := parameter{name: name, values: values}
		for _, v := range values {
			p.any = p.any || v == "*"
		}
		all = append(all, p)
	}
	return all, nil
}

func (q query) holds(r *http.Request, readings []string, i int, sure bool) bool {
	sent := r.URL.RawQuery
	if !sure {
		return q.maybe(sent)
	}
	if len(q) == 0 {
		return sent == "" && !beginsQuery(readings[i])
	}
	if !readable(sent) || beginsQuery(readings[i]) {
		return false
	}
	for _, p := range q {
		if !p.surely(sent) {
			return false
		}
	}
	return true
}

func (q query) maybe(sent string) bool {
	if len(q) == 0 {
		for range route.Parameters(sent) {
			return false
		}
		return true
	}
	for _, p := range q {
		if !p.maybe(sent) {
			return false
		}
	}
	return true
}

// beginsQuery reports whether the decoded path has a character at which a proxy that decodes
// too early would begin the query or the fragment.
func beginsQuery(path string) bool { return strings.ContainsAny(path, "?#") }

// readable reports whether all servers find the same parameters in a query.
func readable(sent string) bool {
	if strings.Count(sent, "&") >= maxParameters {
		return false
	}
	_, err := url.ParseQuery(sent) // which fails for a semicolon, too
	return err == nil
}

// surely reports whether every server finds the wanted value: only one parameter has a name
// that some server reads as this one, and that name is spelled exactly. Of several parameters
// some servers take the first, others the last, and others all.
func (p parameter) surely(sent string) bool {
	count, holds := 0, false
	for name, value := range route.Parameters(sent) {
		if !p.readAs(name) {
			continue
		}
		count++
		holds = route.DecodeParameter(name) == p.name && p.is(route.DecodeParameter(value))
	}
	return count == 1 && holds
}

func (p parameter) is(value string) bool { return p.any || slices.Contains(p.values, value) }

func (p parameter) maybe(sent string) bool {
	for name, value := range route.Parameters(sent) {
		if p.readAs(name) && p.mayBe(route.DecodeParameter(value)) {
			return true
		}
	}
	return false
}

func (p parameter) mayBe(value string) bool {
	if p.any {
		return true
	}
	again := route.DecodeParameter(value)
	for _, v := range p.values {
		if strings.EqualFold(v, value) || strings.EqualFold(v, again) {
			return true
		}
	}
	return false
}

// readAs reports whether some server reads the name sent as the name of this parameter, or as
// the array of which this parameter is an element.
func (p parameter) readAs(sent string) bool {
	array := route.Key(p.name)
	return route.ReadAs(sent, array) || route.ReadAs(route.DecodeParameter(sent), array)
}
