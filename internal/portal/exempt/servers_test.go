package exempt_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// servers find one parameter in a query, each in the way of some platform.
var servers = map[string]func(query, name string) (string, bool){
	"Go": func(query, name string) (string, bool) {
		values, err := url.ParseQuery(query)
		return values.Get(name), err == nil && values.Has(name)
	},
	"PHP": func(query, name string) (value string, found bool) {
		for i, pair := range strings.FieldsFunc(query, func(r rune) bool { return r == '&' }) {
			sent, v, _ := strings.Cut(pair, "=")
			if sent = phpName(sent); sent == name && i < 1000 {
				value, found = tolerant(v), true
			}
		}
		return value, found
	},
	"servlet": func(query, name string) (string, bool) {
		for pair := range strings.SplitSeq(query, "&") {
			if sent, v, _ := strings.Cut(pair, "="); tolerant(sent) == name {
				return tolerant(v), true
			}
		}
		return "", false
	},
	"ASP.NET": func(query, name string) (string, bool) {
		var all []string
		for pair := range strings.SplitSeq(query, "&") {
			if sent, v, _ := strings.Cut(pair, "="); strings.EqualFold(tolerant(sent), name) {
				all = append(all, tolerant(v))
			}
		}
		return strings.Join(all, ","), len(all) > 0
	},
	"semicolons": func(query, name string) (value string, found bool) {
		for _, pair := range strings.FieldsFunc(query, func(r rune) bool { return r == '&' || r == ';' }) {
			if sent, v, _ := strings.Cut(pair, "="); tolerant(sent) == name {
				value, found = tolerant(v), true
			}
		}
		return value, found
	},
}

// phpName is how PHP names a parameter; an array is its name before the bracket.
func phpName(sent string) string {
	sent = strings.TrimLeft(tolerant(sent), " ")
	sent, _, _ = strings.Cut(sent, "\x00")
	array, _, _ := strings.Cut(sent, "[")
	return strings.NewReplacer(".", "_", " ", "_").Replace(array)
}

// tolerant decodes what can be decoded.
func tolerant(s string) string {
	var b strings.Builder
	s = strings.ReplaceAll(s, "+", " ")
	for i := 0; i < len(s); i++ {
		if i+2 < len(s) && s[i] == '%' {
			if c, err := url.PathUnescape(s[i : i+3]); err == nil {
				b.WriteString(c)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// FuzzQuery: what opens for a query does so for every server, and what some server takes
// for the value is shut. Negated, both turn around.
func FuzzQuery(f *testing.F) {
	for _, query := range append(repeated, "", "route", "route=pay/callback", "x=1&route=pay%2fcallback", "route=pay/callback&router=login", "a&&b", "route=", "%", "route=pay/callback%00") {
		f.Add(query)
	}
	opens, wild := rule(f, `{"query": {"route": ["pay/callback"]}}`), rule(f, `{"query": {"route": ["*"]}}`)
	not, without := rule(f, `{"not": [{"query": {"route": ["pay/callback"]}}]}`), rule(f, `{"not": [{"query": {"route": ["*"]}}]}`)
	f.Fuzz(func(t *testing.T, query string) {
		r := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/", RawQuery: query}}
		list := []string{"/"}
		if not.All(r, list) == opens.Any(r, list) || not.Any(r, list) == opens.All(r, list) {
			t.Fatal("not is not the opposite")
		}
		for name, server := range servers {
			value, found := server(query, "route")
			is := found && value == "pay/callback"
			switch {
			case opens.All(r, list) && !is, wild.All(r, list) && !found:
				t.Fatalf("%q is opened, and %s reads %q", query, name, value)
			case not.All(r, list) && is, without.All(r, list) && found:
				t.Fatalf("%q is opened by not, and %s reads %q", query, name, value)
			}
		}
	})
}
