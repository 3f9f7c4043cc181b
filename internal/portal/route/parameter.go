package route

import (
	"net/url"
	"strings"
)

// HasParameter reports whether a query has one of these parameters, under any way in
// which PHP reads names: decoded, mangled, as an array; case is ignored. Nothing is
// allocated for plain names.
func HasParameter(query string, names []string) bool {
	if query == "" || len(names) == 0 {
		return false
	}
	wanted := func(name string) bool {
		for _, n := range names {
			if strings.EqualFold(name, canonical(n)) {
				return true
			}
		}
		return false
	}
	for from := 0; from < len(query); {
		end := from
		for end < len(query) && !isSeparator(query[end]) {
			end++
		}
		sent, _, _ := strings.Cut(query[from:end], "=")
		name := canonical(sent)
		array, _, found := strings.Cut(name, "[")
		if wanted(name) || found && (wanted(array) || wanted(strings.ReplaceAll(name, "[", "_"))) {
			return true
		}
		from = end + 1
	}
	return false
}

// PlainQuery writes a query as all parsers read it that read it at all: separated by
// `&` alone, decoded where it can be, with the names that PHP makes of those that were
// sent, and each name also in lower case, as ASP.NET compares them. Go refuses a whole
// query for a semicolon or a stray percent sign, which others don't mind.
func PlainQuery(query string) string {
	var b strings.Builder
	add := func(name, value string) {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(name) + "=" + url.QueryEscape(value))
	}
	for pair := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == ';' }) {
		sent, value, _ := strings.Cut(pair, "=")
		name, _, _ := strings.Cut(canonical(sent), "[")
		value = decode(strings.ReplaceAll(value, "+", " "))
		add(name, value)
		if lower := strings.ToLower(name); lower != name {
			add(lower, value)
		}
	}
	return b.String()
}
