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

// used says which placeholders handlers behind a gate may use. Their values are part of
// the key of an answer (design rule Q1): the portal may know another user when they are
// others. Values that no handler behind the gate uses are left out, because they often
// differ from path to path, as the groups of a path_regexp and the file of a try_files
// do, and each value would cost a question. Made when a gate is provisioned.
type used struct {
	// all says that it is not known what is behind the gate: everything counts.
	all bool
	// texts are the strings of the configuration behind the gate.
	texts string
	// variables are the names of variables that matchers behind the gate look at.
	variables []string
	// userVars are variables that may name a user; see [lineWalk].
	userVars []string
	// prefixes are what handlers behind the gate take off the beginning of paths.
	prefixes []string
	// opened are those of them behind which a proxy may stand.
	opened []string
	// stolen is a variable of the server's or the gate's own that a handler before a gate sets.
	stolen string
	// oneSided are warnings about headers that handlers behind the gate set where no question
	// comes by.
	oneSided []string
	// unseen are rewrites behind the gate that make addresses which `deny`, `sign_in` and
	// `sign_out` do not see.
	unseen []string
	// places are what placeholders that are made before the gate are made of.
	places map[string]place
	// around says that `intercept` may send requests to a proxy after the gate.
	around bool
	// shared says that `header` makes responses of a gate shareable.
	shared bool
	// errorRoutes says that a gate stands in a subroute that has error routes of its own.
	errorRoutes bool
	// unasked says that handlers behind the gate add to requests what questions can't have.
	unasked error
	// names are the placeholders that a handler `map`, or a handler like it, may provide.
	names []string
}

// families are placeholders that Caddy sets by the dozen. Others are few, and count
// whether they are used or not.
var families = []string{"http.regexp.", "http.url_pattern.", "http.matchers.", "http.reverse_proxy.", "http.intercept."}

// ownVars are variables that say nothing of a request's user: the three that every
// request has, the gate's own, and those that name one request for logs.
var ownVars = []string{
	caddyhttp.TrustedProxyVarKey, caddyhttp.ClientIPVarKey, "start_time",
	//lint:ignore SA1019 Caddy still sets the variable for matchers of the old kind
	passedGate, behindVar, "trace_id", "span_id", "uuid", caddyhttp.MatcherErrorVarKey,
}

// freeze computes the placeholders that handlers like `map` compute when they are asked
// for, once for the request and all its questions. Otherwise they would be made of what
// the request then is: with its cookies sealed or opened, rewritten or not.
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

// thaw takes back what freeze set: the server's error routes get what the placeholders
// are for a stripped request.
func (u *used) thaw(s *stored, repl *caddy.Replacer) {
	for _, name := range s.frozen {
		repl.Delete(name)
	}
}

// key is what [portal.Pins] has of the values that handlers before the gate stored for
// the request: all that count, or a digest of them. passed says that handlers behind the
// gate may pass some of them on to the portal, so that it may know a user by them, users
// that some of these are not made of the address alone. It notes these in s.
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

// identity reports whether handlers behind the gate may pass on what [identity] is made of.
// FastCGI has REMOTE_USER without being told.
func (u *used) identity() bool {
	return u.all || slices.ContainsFunc([]string{userID, "http.request.tls.client.", "fastcgi"}, func(s string) bool { return strings.Contains(u.texts, s) })
}

// passes reports whether handlers behind the gate may pass the value of a placeholder on.
// What matchers found out about files says no more than the path.
func (u *used) passes(name string) bool {
	return (u.all || strings.Contains(u.texts, name)) && !strings.HasPrefix(name, "http.matchers.")
}

// pair is one value with its length, so that no value can look like two.
func pair(kind, name string, value any) string {
	text := caddy.ToString(value)
	return kind + name + "\x00" + strconv.Itoa(len(text)) + ":" + text
}

// counts reports whether the value of a placeholder that was set is part of the key.
// Those of the request itself are the question's own.
func (u *used) counts(name string) bool {
	if strings.HasPrefix(name, "http.request.") {
		return false
	}
	in := func(family string) bool { return strings.HasPrefix(name, family) }
	return u.all || !slices.ContainsFunc(families, in) || strings.Contains(u.texts, name)
}

// usedBehind reads the configuration of the server that is being provisioned.
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
	c.passed = true // where a named route is invoked is not looked at
	for _, route := range srv.NamedRoutes {
		if err := c.read(*route); err != nil {
			return nil, err
		}
	}
	u, line := c.used(!seen), walkLine(srv)
	u.variables, u.unasked, u.places = line.variables, line.err, line.places
	u.userVars, u.prefixes = line.userVars, line.prefixes
	u.shared, u.opened, u.stolen, u.oneSided = line.shared, line.opened, line.stolen, line.oneSided
	u.errorRoutes, u.unseen = line.errorRoutes, slices.Compact(slices.Sorted(slices.Values(line.unseen)))
	return u, nil
}

// configStrings are the strings of routes that are not provisioned yet; Caddy drops the
// configuration of the others. The current route still has all of its own. Lists of
// routes and handlers are in the order in which a request takes them.
type configStrings struct {
	// passed says that a gate was seen; behind are the strings since then.
	passed bool
	behind []string
	// names are all placeholders that are mentioned, or provided by a handler `map`.
	names []string
}

// mentioned finds a placeholder.
var mentioned = regexp.MustCompile(`\{([^{}]+)\}`)

// read takes the strings of a route, keys too: they name headers and variables.
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

// used picks what may be used; all says that it is not known what is behind the gate.
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

// ofCaddy reports whether a placeholder is always Caddy's, whatever a handler provides.
func ofCaddy(name string) bool {
	of := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	return slices.ContainsFunc([]string{"http.request.", "http.vars.", "env.", "file."}, of)
}
