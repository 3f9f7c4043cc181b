package gateway

import (
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/secondgate/secondgate/internal/portal/body"
	"github.com/secondgate/secondgate/internal/portal/cookie"
	"github.com/secondgate/secondgate/internal/portal/graphql"
)

// One request can sign two users in, or one in and out again: several mutations in one
// GraphQL document, or a batch. The portal carries them out one after another; the question
// after it names the last user or none, while the response has what was rendered for each.
// At a declared sign-in such a request is refused.

// operations reports whether a field or parameter of this name may hold a GraphQL document
// (GraphQL over HTTP; the multipart request convention), or stands for a batch.
func operations(name string) bool {
	return name == body.Batch || cookie.Same("query", name) || cookie.Same("operations", name)
}

// isGraphQL reports whether the body as a whole is a GraphQL document; body.Scan finds no field
// in one.
func isGraphQL(h http.Header) bool {
	kind := strings.ToLower(h.Get("Content-Type"))
	return strings.Contains(kind, "graphql") && !strings.Contains(kind, "json")
}

// several reports whether the fields hold more than one operation that changes something.
func several(fields []body.Field) bool {
	n := 0
	for _, f := range fields {
		n += changing(f)
	}
	return n > 1
}

// many is the number of operations that a field counts as if it can't be read. It is above one, so
// that several reports true and the request is refused.
const many = 2

// changing counts the operations in a field that change something.
func changing(f body.Field) (n int) {
	switch {
	case !operations(f.Name):
		return 0
	case f.Name == body.Batch || strings.HasPrefix(f.Value, "\x00"):
		return many // a document that can't be read may have them
	case cookie.Same("query", f.Name):
		return graphql.Mutations(f.Value)
	}
	inner, err := body.Scan(http.Header{"Content-Type": {"application/json"}}, func() io.Reader { return strings.NewReader(f.Value) },
		func(name string) bool { return name == body.Batch || cookie.Same("query", name) })
	if err != nil {
		return many
	}
	for _, f := range inner {
		n += changing(f)
	}
	return n
}

// queriesSeveral reports whether the query of a declared sign-in's address holds more than one
// operation that changes something.
func (x *exchange) queriesSeveral() bool {
	if !x.facts.SignIn {
		return false
	}
	var fields []body.Field
	for pair := range strings.FieldsFuncSeq(x.facts.R.URL.RawQuery, func(c rune) bool { return c == '&' || c == ';' }) {
		name, value, _ := strings.Cut(pair, "=")
		name, _ = url.QueryUnescape(name)
		if body.OfBatch(name) {
			name = body.Batch
		}
		value, err := url.QueryUnescape(value)
		if err != nil {
			value = "\x00"
		}
		fields = append(fields, body.Field{Name: name, Value: value})
	}
	return several(fields)
}
