package exempt

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/portal/route"
)

// methods is the matcher `method`.
type methods []string

// methodHeaders and methodParameter make some frameworks handle a request as one with another
// method.
var methodHeaders = []string{"X-Http-Method", "X-Http-Method-Override", "X-Method-Override"}

const methodParameter = "_method"

func compileMethod(raw json.RawMessage, _ ClientIP) (condition, error) {
	list, err := decodeList(raw)
	for i := range list {
		list[i] = strings.ToUpper(list[i])
	}
	return methods(list), err
}

func (m methods) holds(r *http.Request, _ []string, _ int, sure bool) bool {
	if overridden(r) {
		return !sure
	}
	return m.has(r.Method) || !sure && (m.has(strings.ToUpper(r.Method)) || r.Method == http.MethodHead && m.has(http.MethodGet))
}

func (m methods) has(method string) bool { return slices.Contains(m, method) }

// overridden reports whether the request names another method in a header or in the query. It
// does not read a form in the body.
func overridden(r *http.Request) bool {
	for _, name := range methodHeaders {
		if r.Header[name] != nil {
			return true
		}
	}
	for sent := range route.Parameters(r.URL.RawQuery) {
		if route.ReadAs(sent, methodParameter) {
			return true
		}
	}
	return false
}

// protocol is the matcher `protocol`.
type protocol func(*http.Request) bool

var protocols = map[string]protocol{
	"https":     func(r *http.Request) bool { return r.TLS != nil },
	"http":      func(r *http.Request) bool { return r.TLS == nil },
	"http/1.0":  func(r *http.Request) bool { return r.ProtoMajor == 1 && r.ProtoMinor == 0 },
	"http/1.0+": func(r *http.Request) bool { return r.ProtoAtLeast(1, 0) },
	"http/1.1":  func(r *http.Request) bool { return r.ProtoMajor == 1 && r.ProtoMinor == 1 },
	"http/1.1+": func(r *http.Request) bool { return r.ProtoAtLeast(1, 1) },
	"http/2":    func(r *http.Request) bool { return r.ProtoMajor == 2 },
	"http/2+":   func(r *http.Request) bool { return r.ProtoAtLeast(2, 0) },
	"http/3":    func(r *http.Request) bool { return r.ProtoMajor == 3 },
	"http/3+":   func(r *http.Request) bool { return r.ProtoAtLeast(3, 0) },
}

func compileProtocol(raw json.RawMessage, _ ClientIP) (condition, error) {
	var name string
	if err := decode(raw, &name); err != nil {
		return nil, err
	}
	if name == "grpc" { // Caddy tells it by the type of the body
		return headers{newHeader("Content-Type", []string{"application/grpc*"})}, nil
	}
	known, ok := protocols[name]
	if !ok {
		return nil, fmt.Errorf("%q never matches; want http, https, grpc, http/1.1, http/2, http/3 or, for this version and later ones, http/2+", name)
	}
	return known, nil
}

func (p protocol) holds(r *http.Request, _ []string, _ int, _ bool) bool { return p(r) }
