package body

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// form reads a body as application/x-www-form-urlencoded. PHP, servlets, Express and Go
// separate fields by "&", Rack before 3, Perl's CGI and older Python by ";" as well: both
// readings are made at once.
func (s *scan) form(r io.Reader) error {
	buf := make([]byte, 32<<10)
	p := pair{scan: s, first: true}
	for {
		n, err := r.Read(buf)
		for _, c := range buf[:n] {
			if err := p.feed(c); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return p.end('&')
		}
		if err != nil {
			return err
		}
	}
}

// pair is the field that is read at the moment.
type pair struct {
	*scan
	// name and value are kept as sent; the value only of wanted names.
	name, value []byte
	inValue     bool
	wanted      string // the name, if it is wanted
	long        bool   // the value is longer than maxValue
	semicolon   bool   // a semicolon is before it
	first       bool   // nothing is before it
}

func (p *pair) feed(c byte) error {
	switch {
	case c == '&' || c == ';':
		return p.end(c)
	case !p.inValue && c == '=':
		p.inValue = true
		p.look()
	case !p.inValue:
		p.appendName(c)
	case p.wanted != "" && len(p.value) >= maxValue:
		p.long = true
	case p.wanted != "":
		p.value = append(p.value, c)
	}
	return nil
}

// look determines whether the name is wanted. It drops a leading question mark of the first
// name, as URLSearchParams does.
func (p *pair) look() {
	name := string(p.name)
	p.wanted, _ = p.scan.name(decodeName(name))
	if rest, ok := strings.CutPrefix(name, "?"); ok && p.first && p.wanted == "" {
		p.wanted, _ = p.scan.name(decodeName(rest))
	}
}

// appendName keeps the first bytes of a name. Leading blanks, of which PHP takes any
// number, don't count, nor do leading brackets, of which Rack does.
func (p *pair) appendName(c byte) {
	if len(p.name) >= maxName && strings.IndexByte(" +%[]", p.name[0]) >= 0 {
		p.name = append(p.name[:0], trimLeading(p.name)...)
	}
	if len(p.name) < maxName {
		p.name = append(p.name, c)
	}
}

var leading = [...]string{" ", "+", "[", "]", "%20", "%5b", "%5B", "%5d", "%5D"}

func trimLeading(name []byte) []byte {
	for before := -1; len(name) != before; {
		before = len(name)
		for _, s := range leading {
			name = bytes.TrimPrefix(name, []byte(s))
		}
	}
	return name
}

// end ends the field at a separator.
func (p *pair) end(separator byte) error {
	if !p.inValue && len(p.name) > 0 {
		p.look()
	}
	var err error
	if p.wanted != "" {
		value := decode(string(p.value))
		if p.long || separator == ';' && !p.semicolon {
			value = noValue // for parsers that separate only by "&", the value continues
		}
		err = p.add(p.wanted, value)
	}
	*p = pair{scan: p.scan, name: p.name[:0], value: p.value[:0], semicolon: separator == ';'}
	return err
}
