package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// jsonRows reads JSON lines. It reads each object token by token, because json.Unmarshal
// accepts a field twice and uses the last, and ignores case in the fields' names.
type jsonRows struct{ lines *lines }

// next implements rows. It skips empty lines.
func (j *jsonRows) next() (row, *Problem, error) {
	for {
		text, err := j.lines.next()
		line := j.lines.number
		if ofLine(err) {
			return row{}, &Problem{Line: line, Text: err.Error()}, nil
		}
		if err != nil {
			return row{}, nil, err
		}
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		fields, p := readObject(text)
		if p != nil {
			p.Line = line
			return row{}, p, nil
		}
		return row{line: line, fields: fields}, nil, nil
	}
}

var errNoObject = Problem{Text: `not a JSON object on one line, as {"user":"1001","secret":"…"}`}

func readObject(text []byte) (map[string]string, *Problem) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		p := errNoObject
		return nil, &p
	}
	fields := make(map[string]string)
	seen := make(map[string]bool)
	for d.More() {
		name, value, p := readField(d)
		if p == nil && seen[name] {
			p = &Problem{Field: name, Text: "is there twice; want it once"}
		}
		if p != nil {
			return nil, p
		}
		seen[name] = true
		if strings.TrimSpace(value) != "" {
			fields[name] = value
		}
	}
	// The closing brace must follow, and then the end of the line.
	_, err := d.Token()
	if _, end := d.Token(); err != nil || !errors.Is(end, io.EOF) {
		p := errNoObject
		return nil, &p
	}
	return fields, nil
}

func readField(d *json.Decoder) (name, value string, p *Problem) {
	key, err := d.Token()
	name, ok := key.(string)
	if err != nil || !ok {
		p := errNoObject
		return "", "", &p
	}
	if !slices.Contains(known, name) {
		return "", "", &Problem{Text: fmt.Sprintf("the field %.40q is unknown; the fields are %s", name, strings.Join(known, ", "))}
	}
	var v any
	if err := d.Decode(&v); err != nil {
		p := errNoObject
		return "", "", &p
	}
	value, ok = plain(v)
	_, list := v.([]any)
	if !ok || list && name != fieldCodes && name != fieldBackupHashes {
		return "", "", &Problem{Field: name, Text: "want a text or a number; for backup_codes and backup_hashes a list of texts"}
	}
	return name, value, nil
}

// plain returns a JSON value as the text that CSV would have for it. ok is false for values
// of other types.
func plain(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			s, ok := e.(string)
			if !ok || strings.Contains(s, ";") {
				return "", false
			}
			parts[i] = s
		}
		return strings.Join(parts, ";"), true
	}
	return "", false
}
