package route

import "strings"

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
