package caddyplugin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/secondgate/secondgate/internal/portal"
)

// used describes which placeholders and variables handlers behind a gate may use, and other
// facts about the handlers around the gate. usedBehind makes it from the server's
// configuration when a gate is provisioned.
//
// The values of used placeholders are part of the key of a cached answer: with other values
// the portal may recognise another user. Placeholders that no handler behind the gate uses are
// not in the key. Their values often differ from path to path, such as the groups of a
// path_regexp or the file of a try_files, and each new key costs a question.
type used struct {
	// all is true if the handlers behind the gate are not known. All placeholders then count
	// as used.
	all bool
	// texts are all strings of the configuration behind the gate, joined by line ends.
	texts string
	// variables are the names of variables that matchers behind the gate compare.
	variables []string
	// userVars are variables that may name a user; see [lineWalk].
	userVars []string
	// prefixes are the path prefixes that handlers behind the gate remove.
	prefixes []string
	// opened are those prefixes after the removal of which a proxy may get the request.
	opened []string
	// stolen is a variable reserved for Caddy or the gate that a handler before a gate sets; ""
	// for none. Handler.provision refuses it.
	stolen string
	// oneSided are warnings about headers that handlers behind the gate set only in routes that
	// no question matches.
	oneSided []string
	// unseen are rewrites behind the gate. The paths that they produce are not compared with
	// `deny`, `sign_in` and `sign_out`, because the gate sees the request before them.
	unseen []string
	// places tell what each placeholder that is set before the gate is made of.
	places map[string]place
	// around is true if an `intercept` before the gate may send requests to a proxy.
	around bool
	// shared is true if a handler `header` before a gate may let caches share its responses.
	shared bool
	// errorRoutes is true if a gate is in a subroute that has its own error routes.
	errorRoutes bool
	// unasked is an error if handlers behind the gate add to requests a value that questions
	// don't have.
	unasked error
	// names are the placeholders that a handler such as `map` may compute; see freeze.
	names []string
}

// families are prefixes of placeholders of which Caddy sets many for each request. They count
// only if they are used. Other placeholders are few and always count; see counts.
var families = []string{"http.regexp.", "http.url_pattern.", "http.matchers.", "http.reverse_proxy.", "http.intercept."}

// ownVars are variables that say nothing of a request's user: the three that every
// request has, the gate's own, and those that name one request for logs.
var ownVars = []string{
	caddyhttp.TrustedProxyVarKey, caddyhttp.ClientIPVarKey, "start_time",
	//lint:ignore SA1019 Caddy still sets the variable for matchers of the old kind
	passedGate, behindVar, "trace_id", "span_id", "uuid", caddyhttp.MatcherErrorVarKey,
}

// freeze computes the placeholders of handlers such as `map` once, and sets the values for the
// request and all its questions. Such handlers compute a placeholder each time it is resolved,
// from the request at that moment. Without freeze the value could change when cookies are
// opened or the path is rewritten.
func (u *used) freeze(s *stored, repl *caddy.Replacer) {
	for _, name := range u.names {
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
		kept := u.places[family(placeholder)]
		if !passes || kept == isFixed || caddy.ToString(v.value) == "" {
			return
		}
		if passed = true; kept == isUser {
			s.users = append(s.users, placeholder)
		}
	}
	for _, v := range s.vars {
		if !slices.Contains(ownVars, v.name) && !strings.HasPrefix(v.name, "reverse_proxy.") {
			name := "http.vars." + v.name
			add("v", v, name, u.passes(name) || slices.Contains(u.variables, v.name))
		}
	}
	for _, v := range s.placeholders.set {
		if u.counts(v.name) {
			add("s", v, v.name, u.passes(v.name))
		}
	}
	slices.Sort(pairs)
	return portal.Short(strings.Join(pairs, "")), passed, len(s.users) > 0
}

// identity reports whether handlers behind the gate may send the client's certificate or the
// authenticated user to the portal; see the function identity. FastCGI always sends
// REMOTE_USER.
func (u *used) identity() bool {
	return u.all || slices.ContainsFunc([]string{userID, "http.request.tls.client.", "fastcgi"}, func(s string) bool { return strings.Contains(u.texts, s) })
}

// passes reports whether handlers behind the gate may send the value of a placeholder to the
// portal. Placeholders of file matchers don't count: they depend on the path alone.
func (u *used) passes(name string) bool {
	return (u.all || strings.Contains(u.texts, name)) && !strings.HasPrefix(name, "http.matchers.")
}

// pair encodes one value with its length, so that the concatenation of pairs is unambiguous.
func pair(kind, name string, value any) string {
	text := caddy.ToString(value)
	return kind + name + "\x00" + strconv.Itoa(len(text)) + ":" + text
}

// counts reports whether the value of a placeholder that was set is part of the key. Those
// of http.request are not: Caddy computes them anew for a question.
func (u *used) counts(name string) bool {
	if strings.HasPrefix(name, "http.request.") {
		return false
	}
	in := func(family string) bool { return strings.HasPrefix(name, family) }
	return u.all || !slices.ContainsFunc(families, in) || strings.Contains(u.texts, name)
}

// usedBehind makes used from the configuration of the server that is being provisioned.
func usedBehind(ctx caddy.Context) (*used, error) {
	srv, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok {
		return &used{all: true}, nil
	}
	w := routeWalk{srv: srv}
	w.routes(srv.Routes, false)
	c := configStrings{names: w.destinations}
	for _, route := range srv.Routes {
		if err := c.read(route); err != nil {
			return nil, err
		}
	}
	seen := c.passed
	c.passed = true // named routes may be invoked behind the gate
	for _, route := range srv.NamedRoutes {
		if err := c.read(*route); err != nil {
			return nil, err
		}
	}
	u := c.used(!seen)
	u.walk(srv)
	return u, nil
}

// configStrings collects the strings in the configuration of routes, in the order in which a
// request reaches their handlers. Caddy drops the configuration of routes that are provisioned
// already; that of the current route is still complete.
type configStrings struct {
	// passed is true once a gate was read; behind are the strings after it.
	passed bool
	behind []string
	// names are all placeholders that occur in a string, or that a handler `map` provides.
	names []string
}

// mentioned matches a placeholder in a text.
var mentioned = regexp.MustCompile(`\{([^{}]+)\}`)

// read collects the strings of a route. Keys of objects are included, because they may be
// names of headers and variables.
func (c *configStrings) read(route caddyhttp.Route) error {
	raw, err := json.Marshal(route)
	if err != nil {
		return fmt.Errorf("reading what is behind the gate: %w", err)
	}
	d, before := json.NewDecoder(bytes.NewReader(raw)), ""
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading what is behind the gate: %w", err)
		}
		text, _ := token.(string)
		c.passed = c.passed || before == "handler" && text == "two_factor"
		c.take(text)
		before = text
	}
}

func (c *configStrings) take(text string) {
	if c.passed && text != "" {
		c.behind = append(c.behind, text)
	}
	for _, m := range mentioned.FindAllStringSubmatch(text, -1) {
		c.names = append(c.names, m[1])
	}
}

// used returns the used with names and texts of c. all means that the handlers behind the
// gate are not known.
func (c *configStrings) used(all bool) *used {
	u := &used{all: all}
	behind := strings.Join(c.behind, "\n")
	slices.Sort(c.names)
	for _, name := range slices.Compact(c.names) {
		if (all || strings.Contains(behind, name)) && !ofCaddy(name) {
			u.names = append(u.names, name)
		}
	}
	u.texts = behind
	return u
}

// ofCaddy reports whether Caddy itself always provides a placeholder; handlers can't replace
// it.
func ofCaddy(name string) bool {
	of := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	return slices.ContainsFunc([]string{"http.request.", "http.vars.", "env.", "file."}, of)
}
