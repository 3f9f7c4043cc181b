package caddyplugin

import (
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/secondgate/secondgate/caddyplugin/routes"
	"github.com/secondgate/secondgate/internal/portal"
)

// used describes the handlers around a gate.
type used struct{ *routes.Facts }

func usedBehind(srv *caddyhttp.Server) (*used, error) {
	facts, err := routes.Read(srv)
	return &used{facts}, err
}

// ownVars are variables that say nothing of a request's user: the three that every
// request has, the gate's own, and those that name one request for logs.
var ownVars = []string{
	caddyhttp.TrustedProxyVarKey, caddyhttp.ClientIPVarKey, "start_time",
	//lint:ignore SA1019 Caddy still sets the variable for matchers of the old kind
	passedGate, "trace_id", "span_id", "uuid", caddyhttp.MatcherErrorVarKey,
}

// freeze computes the placeholders of handlers such as `map` once, and sets the values for the
// request and all its questions. Such handlers compute a placeholder each time it is resolved,
// from the request at that moment. Without freeze the value could change when cookies are
// opened or the path is rewritten.
func (u *used) freeze(s *stored, repl *caddy.Replacer) {
	for _, name := range u.Names {
		if _, set := s.placeholders.valueOf(name); set {
			continue
		}
		if value, known := s.placeholders.mapped.Get(name); known {
			s.placeholders.set = append(s.placeholders.set, variable{name, value})
			s.frozen = append(s.frozen, name)
			repl.Set(name, value)
		}
	}
}

// thaw removes the values that freeze set. Error routes then compute these placeholders from
// the stripped request.
func (u *used) thaw(s *stored, repl *caddy.Replacer) {
	for _, name := range s.frozen {
		repl.Delete(name)
	}
}

// key returns the part of the cache key (see [portal.Pins]) for the values that handlers
// before the gate stored for the request: all values that count, or a digest of them.
//
// passed is true if handlers behind the gate may send one of the values to the portal, which
// may then recognise a user by it. users is true if one of these is made of more than path,
// method and client address. key appends the names of such values to s.users.
func (u *used) key(s *stored) (key string, passed, users bool) {
	pairs := make([]string, 0, len(s.vars)+len(s.placeholders.set))
	add := func(kind string, v variable, placeholder string, passes bool) {
		pairs = append(pairs, pair(kind, v.name, v.value))
		if !passes || u.Fixed(placeholder) || caddy.ToString(v.value) == "" {
			return
		}
		if passed = true; u.NamesUser(placeholder) {
			s.users = append(s.users, placeholder)
		}
	}
	for _, v := range s.vars {
		if !slices.Contains(ownVars, v.name) && !strings.HasPrefix(v.name, "reverse_proxy.") {
			name := "http.vars." + v.name
			add("v", v, name, u.Passes(name) || slices.Contains(u.Variables, v.name))
		}
	}
	for _, v := range s.placeholders.set {
		if u.Counts(v.name) {
			add("s", v, v.name, u.Passes(v.name))
		}
	}
	slices.Sort(pairs)
	return portal.Short(strings.Join(pairs, "")), passed, len(s.users) > 0
}

// identity reports whether handlers behind the gate may send the client's certificate or the
// authenticated user to the portal; see the function identity. FastCGI always sends
// REMOTE_USER.
func (u *used) identity() bool {
	return u.All || slices.ContainsFunc([]string{userID, "http.request.tls.client.", "fastcgi"}, func(s string) bool { return strings.Contains(u.Texts, s) })
}

// pair encodes one value with its length, so that the concatenation of pairs is unambiguous.
func pair(kind, name string, value any) string {
	text := caddy.ToString(value)
	return kind + name + "\x00" + strconv.Itoa(len(text)) + ":" + text
}
