package caddyplugin

import (
	"net/http"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/caddyplugin/routes"
)

// keyOf is the part of an answer's key of a request that store prepared.
func keyOf(t *testing.T, u *used, store func(*caddy.Replacer, map[string]any)) string {
	t.Helper()
	_, repl, vars := prepared(t, http.MethodGet, "/page")
	store(repl, vars)
	b := newBehind(nil, new(gateMark), vars, repl)
	if b.stored == nil {
		return ""
	}
	u.freeze(b.stored, repl)
	key, _, _ := u.key(b.stored)
	return key
}

// TestI1_Key: the values of a request that are part of the question's key.
func TestI1_Key(t *testing.T) {
	u := &used{&routes.Facts{Texts: "{http.regexp.used.1}", Names: []string{"mapped"}}}
	for name, tt := range map[string]struct {
		store  func(repl *caddy.Replacer, vars map[string]any, value string)
		differ bool
	}{
		"a variable":                 {func(_ *caddy.Replacer, vars map[string]any, v string) { vars["tenant"] = v }, true},
		"a variable's name":          {func(_ *caddy.Replacer, vars map[string]any, v string) { vars[v] = "x" }, true},
		"the proxy's variable":       {func(_ *caddy.Replacer, vars map[string]any, v string) { vars["reverse_proxy.dial_info"] = v }, false},
		"a trace":                    {func(_ *caddy.Replacer, vars map[string]any, v string) { vars["trace_id"] = v }, false},
		"an authenticated user":      {func(repl *caddy.Replacer, _ map[string]any, v string) { repl.Set("http.auth.user.name", v) }, true},
		"a group that is used":       {func(repl *caddy.Replacer, _ map[string]any, v string) { repl.Set("http.regexp.used.1", v) }, true},
		"a group that is not used":   {func(repl *caddy.Replacer, _ map[string]any, v string) { repl.Set("http.regexp.other.1", v) }, false},
		"of the request":             {func(repl *caddy.Replacer, _ map[string]any, v string) { repl.Set("http.request.uri.path", v) }, false},
		"a value of map":             {func(repl *caddy.Replacer, _ map[string]any, v string) { repl.Map(constant("mapped", v)) }, true},
		"a map's value without uses": {func(repl *caddy.Replacer, _ map[string]any, v string) { repl.Map(constant("other", v)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			key := func(value string) string {
				return keyOf(t, u, func(repl *caddy.Replacer, vars map[string]any) { tt.store(repl, vars, value) })
			}
			first, again := key("alice"), key("alice")
			if differ := first != key("bob"); differ != tt.differ || first != again {
				t.Errorf("the keys %q and %q", key("alice"), key("bob"))
			}
		})
	}
}

// TestI1_KeyIsUnambiguous: no value looks like two, and their order does not matter.
func TestI1_KeyIsUnambiguous(t *testing.T) {
	u := &used{&routes.Facts{All: true}}
	two := keyOf(t, u, func(_ *caddy.Replacer, vars map[string]any) { vars["a"], vars["b"] = "1", "2" })
	for range 20 {
		same := keyOf(t, u, func(_ *caddy.Replacer, vars map[string]any) { vars["b"], vars["a"] = "2", "1" })
		if same != two {
			t.Fatalf("%q and %q", two, same)
		}
	}
	one := keyOf(t, u, func(_ *caddy.Replacer, vars map[string]any) { vars["a"] = "1" + two[len("va\x001:1"):] })
	if one == two {
		t.Errorf("one value looks like two: %q", one)
	}
}

// TestI1_NothingStored: a request for which nothing is stored pays nothing.
func TestI1_NothingStored(t *testing.T) {
	_, repl, vars := prepared(t, http.MethodGet, "/")
	if newBehind(nil, new(gateMark), vars, repl).stored != nil {
		t.Fatal("something is stored")
	}
	mark := new(gateMark)
	if n := testing.AllocsPerRun(100, func() { kept = newBehind(nil, mark, vars, repl) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}
