package route

import (
	"iter"
	"net/url"
	"strings"
)

// HasParameter reports whether a query has one of these parameters, under any way in
// which PHP reads names: decoded, mangled, as an array; case is ignored. Nothing is
// allocated for plain names.
func HasParameter(query string, names []string) bool {
	for sent := range Parameters(query) {
		for _, name := range names {
			if ReadAs(sent, name) {
				return true
			}
		}
	}
	return false
}

// Parameters are the names and values in a query as they were sent: `&` and `;` separate
// them, and nothing is decoded.
func Parameters(query string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for from := 0; from < len(query); {
			end := from
			for end < len(query) && !isSeparator(query[end]) {
				end++
			}
			name, value, _ := strings.Cut(query[from:end], "=")
			if end > from && !yield(name, value) {
				return
			}
			from = end + 1
		}
	}
}

// DecodeParameter decodes a name or a value of a query. An escape that is not valid stays
// as it is.
func DecodeParameter(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	return decode(strings.ReplaceAll(s, "+", " "))
}

// ReadAs reports whether some server takes a parameter that was sent under one name for
// the parameter of the other, or for an array of that name. Nothing is allocated for plain
// names.
func ReadAs(sent, name string) bool {
	got, want := canonical(sent), canonical(name)
	if strings.EqualFold(got, want) {
		return true
	}
	if !strings.ContainsAny(got, "[]") {
		return false
	}
	return within(got, want) || strings.EqualFold(strings.ReplaceAll(got, "[", "_"), want)
}

// within reports whether a name with brackets is that of the other or of an element of it,
// as Rack and qs read names: brackets before the first key, and unbalanced ones, count for
// nothing.
func within(got, want string) bool {
	for {
		var w, g string
		if w, want = key(want); w == "" {
			return true
		}
		if g, got = key(got); !strings.EqualFold(g, w) {
			return false
		}
	}
}

// key splits a name at the next bracket into its first key and the rest.
func key(name string) (first, rest string) {
	name = strings.TrimLeft(name, "[]")
	if i := strings.IndexAny(name, "[]"); i >= 0 {
		return name[:i], name[i:]
	}
	return name, ""
}

// Key is the first key of a parameter's name: that of the array which the parameter is an
// element of, and the name itself where it has no brackets.
func Key(name string) string {
	first, _ := key(name)
	return first
}

// PlainQuery writes a query in a form that every parser which accepts it reads in the same way:
// separated by `&` only, decoded where possible, with the names that PHP makes of the original
// ones, and each name also in lower case, as ASP.NET compares them. Go refuses a whole query for
// a semicolon or a stray percent sign, which other parsers accept.
func PlainQuery(query string) string {
	var b strings.Builder
	add := func(name, value string) {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(name) + "=" + url.QueryEscape(value))
	}
	for sent, value := range Parameters(query) {
		name, _ := key(canonical(sent))
		value = DecodeParameter(value)
		add(name, value)
		if lower := strings.ToLower(name); lower != name {
			add(lower, value)
		}
	}
	return b.String()
}
