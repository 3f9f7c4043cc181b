// Package graphql counts the mutations of a GraphQL document. One request can carry out
// several mutations, one after another: two sign-ins, or a sign-in and a sign-out. whoami
// would show the result of the last one only, so the gateway refuses such a request at a
// declared sign-in.
package graphql

import "strings"

// Mutations returns the number of top-level fields of all mutations of a document. It counts a
// fragment as two fields, so the result is greater than one if the document may carry out
// several mutations. For a text that is not a GraphQL document the result can be any number,
// because no portal executes it. (GraphQL, October 2021, 2.1 to 2.8.)
func Mutations(doc string) (n int) {
	// keyword is the first word of the current definition. depth counts open braces outside of
	// arguments.
	keyword, before := "", ""
	depth, arguments := 0, 0
	for l := (lexer{doc}); ; {
		token := l.next()
		switch {
		case token == "":
			return n
		case token == "(" || token == "[":
			arguments++
		case token == ")" || token == "]":
			arguments--
		case arguments != 0:
		case token == "{":
			depth++
		case token == "}":
			if depth--; depth == 0 {
				keyword = ""
			}
		case depth == 0 && token == "mutation":
			// The word begins a mutation even if keyword is set: by a description, or by a
			// definition of a schema that has no braces, such as a scalar's.
			keyword = token
		case depth == 0 && keyword == "" && token != `"`:
			keyword = token
		case depth != 1 || keyword != "mutation":
		case token == "...":
			n += 2
		case isName(token[0]) && before != ":" && before != "@" && !strings.HasPrefix(token, "__"):
			n++ // not what an alias stands for, nor a directive
		}
		before = token
	}
}

// lexer splits a document into tokens.
type lexer struct{ rest string }

// next returns the next name or punctuator, a quote for a string, and "" at the end.
func (l *lexer) next() string {
	l.skip()
	s := l.rest
	n := 1
	switch {
	case s == "":
		return ""
	case strings.HasPrefix(s, `"""`):
		n = blockString(s)
		l.rest = s[n:]
		return `"`
	case s[0] == '"':
		n = quoted(s)
		l.rest = s[n:]
		return `"`
	case strings.HasPrefix(s, "..."):
		n = len("...")
	case isName(s[0]):
		for n < len(s) && (isName(s[n]) || '0' <= s[n] && s[n] <= '9') {
			n++
		}
	}
	l.rest = s[n:]
	return s[:n]
}

// skip skips blanks, commas and comments.
func (l *lexer) skip() {
	for {
		l.rest = strings.TrimLeft(l.rest, " \t\r\n,\ufeff")
		if !strings.HasPrefix(l.rest, "#") {
			return
		}
		end := strings.IndexAny(l.rest, "\r\n")
		if end < 0 {
			end = len(l.rest)
		}
		l.rest = l.rest[end:]
	}
}

// quoted returns the length of the string at the beginning of s. A string ends at the end of
// its line at the latest.
func quoted(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"', '\n', '\r':
			return i + 1
		}
	}
	return len(s)
}

// blockString returns the length of the block string at the beginning of s.
func blockString(s string) int {
	const quotes = `"""`
	for i := len(quotes); i < len(s); i++ {
		if strings.HasPrefix(s[i:], `\`+quotes) {
			i += len(quotes)
		} else if strings.HasPrefix(s[i:], quotes) {
			return i + len(quotes)
		}
	}
	return len(s)
}

func isName(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
