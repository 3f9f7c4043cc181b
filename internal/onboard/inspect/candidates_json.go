package inspect

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/PuerkitoBio/goquery"

	"github.com/secondgate/secondgate/config"
)

// maxDepth and maxLeaves bound what is looked at of a JSON document.
const (
	maxDepth  = 5
	maxLeaves = 300
)

// leaf is a value in a JSON document.
type leaf struct {
	path  string
	names []string // of the keys on the way
	value string   // as a sign compares it
	named bool     // text or a whole number, which can name somebody
}

// leaves are the values of a document, in the order of their keys. Of arrays
// the first element is looked at; a path goes through all of them.
func leaves(body []byte) (all []leaf) {
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	walk(v, "", nil, &all)
	return all
}

func walk(v any, path string, names []string, all *[]leaf) {
	if len(names) > maxDepth || len(*all) > maxLeaves {
		return
	}
	l := leaf{path: path, names: names}
	switch x := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(x)) {
			if key == "" || strings.ContainsAny(key, "*?|(#\\{}\"\n\r") {
				continue
			}
			walk(x[key], strings.TrimPrefix(path+"."+strings.ReplaceAll(key, ".", `\.`), "."), append(slices.Clone(names), key), all)
		}
		return
	case []any:
		if len(x) > 0 && path != "" {
			walk(x[0], path, names, all)
		}
		return
	case string:
		l.value, l.named = x, true
	case json.Number:
		_, err := strconv.ParseInt(x.String(), 10, 64)
		l.value, l.named = x.String(), err == nil
	case bool:
		l.value = strconv.FormatBool(x)
	default:
		l.value = "null"
	}
	if path != "" {
		*all = append(*all, l)
	}
}

func jsonCandidates(v *view) []*candidate {
	return within(v.place, config.Extractor{}, v.page.Body)
}

// within are the candidates in a JSON document, a whole response or what an element of
// a page holds.
func within(at place, holder config.Extractor, body []byte) (found []*candidate) {
	for _, l := range leaves(body) {
		if !l.named || strings.TrimSpace(l.value) == "" || len(l.value) > maxValue {
			continue
		}
		// The last two keys say what it is: user.id, and not invoices.0.id.
		near := l.names[max(0, len(l.names)-2):]
		x := holder
		x.JSON = l.path
		found = append(found, &candidate{place: at, extract: x, value: l.value, traits: traits{key: words(strings.Join(near, " ")), path: words(strings.Join(l.names, " ")), json: true}})
	}
	return found
}

// holder is an element of a page that holds a JSON document for its scripts.
type holder struct{ selector, attr, text string }

func holders(doc *goquery.Document) (found []holder) {
	doc.Find("[id]").Each(func(_ int, s *goquery.Selection) {
		id := s.AttrOr("id", "")
		if !plainCSS.MatchString(id) {
			return
		}
		if strings.Contains(s.AttrOr("type", ""), "json") && goquery.NodeName(s) == "script" {
			found = append(found, holder{"#" + id, "", s.Text()})
		}
		for _, a := range s.Nodes[0].Attr {
			if strings.HasPrefix(a.Key, "data-") && strings.HasPrefix(a.Val, "{") && plainCSS.MatchString(a.Key) {
				found = append(found, holder{"#" + id, a.Key, a.Val})
			}
		}
	})
	return found
}
