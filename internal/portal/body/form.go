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
	p := pair{scan: s}
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

// pair is the field that is being read.
type pair struct {
	*scan
	// name and value are kept as sent; the value only of wanted names.
	name, value []byte
	inValue     bool
	wanted      string // the name, if it is wanted
	long        bool   // the value is longer than maxValue
	semicolon   bool   // a semicolon is before it
}

func (p *pair) feed(c byte) error {
	switch {
	case c == '&' || c == ';':
		return p.end(c)
	case !p.inValue && c == '=':
		p.inValue = true
		p.wanted, _ = p.scan.name(decodeName(string(p.name)))
	case !p.inValue:
		p.appendName(c)
	case p.wanted != "" && len(p.value) >= maxValue:
		p.long = true
	case p.wanted != "":
		p.value = append(p.value, c)
	}
	return nil
}

// appendName keeps the first bytes of a name. Leading blanks, of which PHP takes any
// number, don't count.
func (p *pair) appendName(c byte) {
	if len(p.name) >= maxName && strings.IndexByte(" +%", p.name[0]) >= 0 {
		p.name = append(p.name[:0], trimBlanks(p.name)...)
	}
	if len(p.name) < maxName {
		p.name = append(p.name, c)
	}
}

func trimBlanks(name []byte) []byte {
	for {
		switch {
		case len(name) > 0 && (name[0] == ' ' || name[0] == '+'):
			name = name[1:]
		case bytes.HasPrefix(name, []byte("%20")):
			name = name[3:]
		default:
			return name
		}
	}
}

// end ends the field at a separator.
func (p *pair) end(separator byte) error {
	if !p.inValue && len(p.name) > 0 {
		p.wanted, _ = p.scan.name(decodeName(string(p.name)))
	}
	var err error
	if p.wanted != "" {
		value := decode(string(p.value))
		if p.long || separator == ';' && !p.semicolon {
			value = noValue // to those that separate by "&" alone it goes on
		}
		err = p.add(p.wanted, value)
	}
	*p = pair{scan: p.scan, name: p.name[:0], value: p.value[:0], semicolon: separator == ';'}
	return err
}
