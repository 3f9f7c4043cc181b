package caddyplugin

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"unsafe"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// placeholders is a snapshot of the placeholders that handlers added to a request's replacer.
type placeholders struct {
	// set are the values stored with Replacer.Set, such as captures of regular expressions,
	// the authenticated user, and response headers of forward_auth.
	set []variable
	// mapped has only the functions added with Replacer.Map. The handler `map` adds one, which
	// resolves its source from the request each time it is called.
	mapped caddy.Replacer
}

// get is a caddy.ReplacerFunc for the replacer of a question. It does not resolve http.request
// placeholders, which Caddy resolves from the question itself.
func (p *placeholders) get(key string) (any, bool) {
	if strings.HasPrefix(key, "http.request.") {
		return nil, false
	}
	if value, known := p.valueOf(key); known {
		return value, true
	}
	return p.mapped.Get(key)
}

// valueOf returns the value that was stored with Replacer.Set.
func (p *placeholders) valueOf(name string) (value any, known bool) {
	for _, e := range p.set {
		if e.name == name {
			return e.value, true
		}
	}
	return nil, false
}

// replacerLayout has the memory layout of caddy.Replacer, so that snapshot can read its fields.
// They are not exported, and Caddy has no function that lists placeholders. checkLayout
// compares the layouts before a gate is built.
type replacerLayout struct {
	providers []provider
	static    map[string]any
	mapMutex  *sync.RWMutex
}

// provider has the size of an interface value. Its content is only copied.
type provider [2]unsafe.Pointer

func layout(repl *caddy.Replacer) *replacerLayout { return (*replacerLayout)(unsafe.Pointer(repl)) }

// hasPlaceholders reports whether handlers added anything to the replacer.
func hasPlaceholders(repl *caddy.Replacer) bool {
	if repl == nil {
		return false
	}
	l := layout(repl)
	if len(l.providers) > builtIn() {
		return true
	}
	l.mapMutex.RLock()
	defer l.mapMutex.RUnlock()
	return len(l.static) > 0
}

// snapshot copies what handlers added to the replacer. Later additions don't change the
// snapshot: the slice of providers is only ever appended to.
func snapshot(repl *caddy.Replacer) (p placeholders) {
	if repl == nil {
		return p
	}
	l := layout(repl)
	if n := builtIn(); len(l.providers) > n {
		layout(&p.mapped).providers = l.providers[n:len(l.providers):len(l.providers)]
	}
	l.mapMutex.RLock()
	defer l.mapMutex.RUnlock()
	p.set = make([]variable, 0, len(l.static))
	for name, value := range l.static {
		p.set = append(p.set, variable{name, value})
	}
	return p
}

// builtIn is the number of providers that Caddy adds to the replacer of every request. They
// are the first ones.
var builtIn = sync.OnceValue(func() int {
	repl := caddy.NewReplacer()
	caddyhttp.PrepareRequest(&http.Request{URL: new(url.URL)}, repl, nil, nil)
	return len(layout(repl).providers)
})

// checkLayout returns an error if replacerLayout does not mirror caddy.Replacer.
func checkLayout() error {
	theirs, ours := reflect.TypeFor[caddy.Replacer](), reflect.TypeFor[replacerLayout]()
	same := theirs.NumField() == ours.NumField() && theirs.Size() == ours.Size()
	for i := 0; same && i < ours.NumField(); i++ {
		a, b := theirs.Field(i), ours.Field(i)
		same = a.Name == b.Name && a.Offset == b.Offset && (a.Type == b.Type || isProviders(a.Type))
	}
	if !same {
		return fmt.Errorf("this version of Caddy stores placeholders in a form that two_factor does not support, so whoami can't be asked with the placeholders of the request: build with a version of Caddy that this version of Secondgate names in its go.mod")
	}
	return nil
}

// isProviders reports whether t is a slice of interface values with methods.
func isProviders(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Interface && t.Elem().Size() == reflect.TypeFor[provider]().Size()
}
