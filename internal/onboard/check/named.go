package check

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/PuerkitoBio/goquery"

	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// whereNamed finds the user name on a page of whoami's and writes where it stands as
// the Caddyfile has it, or gives "".
func whereNamed(res whoami.Response, user string) string {
	if strings.Contains(res.Header.Get("Content-Type"), "json") {
		var v any
		if json.Unmarshal(res.Body, &v) != nil {
			return ""
		}
		if path := whereInJSON(v, user, ""); path != "" {
			return "json " + path
		}
		return ""
	}
	doc, err := goquery.NewDocumentFromReader(bytes.NewReader(res.Body))
	if err != nil {
		return ""
	}
	found := ""
	doc.Find("input[id],input[name]").EachWithBreak(func(_ int, s *goquery.Selection) bool {
		if strings.EqualFold(s.AttrOr("value", ""), user) {
			found = fmt.Sprintf("html %q value", field(s))
		}
		return found == ""
	})
	if found != "" {
		return found
	}
	doc.Find("[id],[class]").EachWithBreak(func(_ int, s *goquery.Selection) bool {
		if s.Children().Length() == 0 && strings.EqualFold(strings.TrimSpace(s.Text()), user) {
			if id := s.AttrOr("id", ""); id != "" {
				found = fmt.Sprintf("html %q", "#"+id)
			} else if class, _, _ := strings.Cut(s.AttrOr("class", ""), " "); class != "" {
				found = fmt.Sprintf("html %q", "."+class)
			}
		}
		return found == ""
	})
	return found
}

func field(s *goquery.Selection) string {
	if id := s.AttrOr("id", ""); id != "" {
		return "#" + id
	}
	return "input[name=" + s.AttrOr("name", "") + "]"
}

func whereInJSON(v any, user, path string) string {
	switch v := v.(type) {
	case string:
		if strings.EqualFold(v, user) {
			return strings.TrimPrefix(path, ".")
		}
	case map[string]any:
		for name, one := range v {
			if at := whereInJSON(one, user, path+"."+strings.ReplaceAll(name, ".", `\.`)); at != "" {
				return at
			}
		}
	}
	return ""
}
