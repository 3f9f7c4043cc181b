package transfer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// jsonRows reads JSON lines. It does not use json.Unmarshal, which accepts a field twice and
// uses the last, and ignores case in the fields' names.
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

// readObject returns the fields of an object. A field that is unknown or there twice is a problem.
func readObject(text []byte) (fields map[string]string, bad *Problem) {
	object := gjson.ParseBytes(text)
	if !json.Valid(text) || !object.IsObject() {
		return nil, &Problem{Text: `not a JSON object on one line, as {"user":"1001","secret":"…"}`}
	}
	fields = make(map[string]string)
	seen := make(map[string]bool)
	object.ForEach(func(key, v gjson.Result) bool {
		name := key.String()
		value, ok := plain(v)
		switch {
		case !slices.Contains(known, name):
			bad = &Problem{Text: fmt.Sprintf("the field %.40q is unknown; the fields are %s", name, strings.Join(known, ", "))}
		case !ok || v.IsArray() && name != fieldCodes && name != fieldBackupHashes:
			bad = &Problem{Field: name, Text: "want a text or a number; for backup_codes and backup_hashes a list of texts"}
		case seen[name]:
			bad = &Problem{Field: name, Text: "is there twice; want it once"}
		case strings.TrimSpace(value) != "":
			fields[name] = value
		}
		seen[name] = true
		return bad == nil
	})
	return fields, bad
}

// plain returns a JSON value as the text that CSV would have for it. ok is false for values
// of other types.
func plain(v gjson.Result) (text string, ok bool) {
	switch {
	case v.Type == gjson.Number:
		return v.Raw, true
	case v.Type == gjson.Null || v.Type == gjson.String:
		return v.Str, true
	case !v.IsArray():
		return "", false
	}
	var parts []string
	for _, e := range v.Array() {
		if e.Type != gjson.String || strings.Contains(e.Str, ";") {
			return "", false
		}
		parts = append(parts, e.Str)
	}
	return strings.Join(parts, ";"), true
}
