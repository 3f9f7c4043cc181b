package whoami

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A JSON path consists of keys that are joined by dots; a leading dot is allowed: `.user.id`. In an
// array, the path continues in each element; `#` may be written for that (`users.#.id`). A number
// selects one element. A dot within a key is written `\.`. Wildcards and queries (`*`, `?`, `|`,
// `(`) are refused, because in other dialects they select one value of several.

// maxDepth bounds how deep a JSON document may nest.
const maxDepth = 64

var errJSON = errors.New("the body is no JSON, or nested too deeply, or has a key twice in one object")

type jsonKind int

const (
	jsonNull jsonKind = iota
	jsonFalse
	jsonTrue
	jsonText
	jsonInteger
	jsonFraction
	jsonObject
	jsonArray
)

// jsonNode is a value. text is the content of a string, or the literal in its original spelling.
type jsonNode struct {
	kind     jsonKind
	text     string
	members  map[string]*jsonNode
	elements []*jsonNode
}

// parseJSON parses exactly one document. A repeated key is an error, because encoding/json uses the
// last one and other parsers the first.
func parseJSON(text string) (*jsonNode, error) {
	if !json.Valid([]byte(text)) {
		return nil, errJSON
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	return parseValue(d, 0)
}

func parseValue(d *json.Decoder, depth int) (*jsonNode, error) {
	token, err := d.Token()
	if err != nil {
		return nil, errJSON
	}
	switch t := token.(type) {
	case string:
		return &jsonNode{kind: jsonText, text: t}, nil
	case json.Number:
		return numberNode(t.String()), nil
	case bool:
		if t {
			return &jsonNode{kind: jsonTrue, text: "true"}, nil
		}
		return &jsonNode{kind: jsonFalse, text: "false"}, nil
	case json.Delim:
		if depth == maxDepth {
			return nil, errJSON
		}
		if t == '[' {
			return parseArray(d, depth)
		}
		return parseObject(d, depth)
	}
	return &jsonNode{kind: jsonNull, text: "null"}, nil
}

// numberNode keeps the digits of a number unchanged, because ids may be 2^53 or above.
func numberNode(s string) *jsonNode {
	if strings.Trim(strings.TrimPrefix(s, "-"), "0123456789") != "" {
		return &jsonNode{kind: jsonFraction, text: s}
	}
	return &jsonNode{kind: jsonInteger, text: s}
}

func parseArray(d *json.Decoder, depth int) (*jsonNode, error) {
	n := &jsonNode{kind: jsonArray, text: "[]"}
	for d.More() {
		e, err := parseValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		n.elements = append(n.elements, e)
	}
	_, err := d.Token()
	return n, err
}

func parseObject(d *json.Decoder, depth int) (*jsonNode, error) {
	n := &jsonNode{kind: jsonObject, members: map[string]*jsonNode{}}
	for d.More() {
		token, err := d.Token()
		key, ok := token.(string)
		if err != nil || !ok || n.members[key] != nil {
			return nil, errJSON
		}
		if n.members[key], err = parseValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return n, err
}

// follow appends the values at a path. In place of a non-empty array at its end it appends the
// elements.
func (n *jsonNode) follow(path []string, found []*jsonNode) []*jsonNode {
	if n.kind == jsonArray {
		return n.followArray(path, found)
	}
	if len(path) == 0 {
		return append(found, n)
	}
	if member := n.members[path[0]]; member != nil {
		return member.follow(path[1:], found)
	}
	return found
}

func (n *jsonNode) followArray(path []string, found []*jsonNode) []*jsonNode {
	if len(path) == 0 && len(n.elements) == 0 {
		return append(found, n)
	}
	if len(path) > 0 {
		if i, err := strconv.Atoi(path[0]); err == nil {
			if i < 0 || i >= len(n.elements) {
				return found
			}
			return n.elements[i].follow(path[1:], found)
		}
		if path[0] == "#" {
			path = path[1:]
		}
	}
	for _, e := range n.elements {
		found = e.follow(path, found)
	}
	return found
}

func compilePath(s string) ([]string, error) {
	const escaped = "\x00"
	if strings.ContainsAny(s, "*?|(") {
		return nil, fmt.Errorf("json %q: want names with dots between, for example user.id or users.#.id", s)
	}
	keys := strings.Split(strings.ReplaceAll(strings.TrimPrefix(s, "."), `\.`, escaped), ".")
	for i, k := range keys {
		if k == "" {
			return nil, fmt.Errorf("json %q: want names with dots between, for example user.id or users.#.id", s)
		}
		keys[i] = strings.ReplaceAll(k, escaped, ".")
	}
	return keys, nil
}
