// Package routes reads, from the configuration of a Caddy server, what the handlers around a gate do
// to requests. Package caddyplugin refuses configurations in which the portal would be asked about
// another user than it sees, and takes from [Facts] which placeholders a question must repeat.
//
// Caddy provisions the handlers of a server one after another, and drops the configuration of
// each. [Read] therefore reads JSON while a gate is provisioned, and [Provisioned] visits the
// handlers themselves when the server has started.
package routes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Facts describe which placeholders and variables handlers behind a gate may use, and other
// facts about the handlers around the gate.
//
// The values of used placeholders are part of the key of a cached answer: with other values
// the portal may recognise another user. Placeholders that no handler behind the gate uses are
// not in the key. Their values often differ from path to path, such as the groups of a
// path_regexp or the file of a try_files, and each new key costs a question.
type Facts struct {
	// All is true if the handlers behind the gate are not known. All placeholders then count
	// as used.
	All bool
	// Texts are all strings of the configuration behind the gate, joined by line ends.
	Texts string
	// Variables are the names of variables that matchers behind the gate compare.
	Variables []string
	// UserVars are variables that may name a user; see [lineWalk].
	UserVars []string
	// Prefixes are the path prefixes that handlers behind the gate remove.
	Prefixes []string
	// Opened are those prefixes after the removal of which a proxy may get the request.
	Opened []string
	// Stolen is a variable reserved for Caddy or the gate that a handler before a gate sets; ""
	// for none. Handler.provision refuses it.
	Stolen string
	// OneSided are warnings about headers that handlers behind the gate set only in routes that
	// no question matches.
	OneSided []string
	// Unseen are rewrites behind the gate. The paths that they produce are not compared with
	// `deny`, `sign_in` and `sign_out`, because the gate sees the request before them.
	Unseen []string
	// places tell what each placeholder that is set before the gate is made of.
	places map[string]place
	// Around is true if an `intercept` before the gate may send requests to a proxy.
	Around bool
	// Shared is true if a handler `header` before a gate may let caches share its responses.
	Shared bool
	// ErrorRoutes is true if a gate is in a subroute that has its own error routes.
	ErrorRoutes bool
	// Unasked is an error if handlers behind the gate add to requests a value that questions
	// don't have.
	Unasked error
	// Names are the placeholders that a handler such as `map` may compute; see freeze.
	Names []string
}

// families are prefixes of placeholders of which Caddy sets many for each request. They count
// only if they are used. Other placeholders are few and always count; see Counts.
var families = []string{"http.regexp.", "http.url_pattern.", "http.matchers.", "http.reverse_proxy.", "http.intercept."}

// Passes reports whether handlers behind the gate may send the value of a placeholder to the
// portal. Placeholders of file matchers don't count: they depend on the path alone.
func (f *Facts) Passes(name string) bool {
	return (f.All || strings.Contains(f.Texts, name)) && !strings.HasPrefix(name, "http.matchers.")
}

// Counts reports whether the value of a placeholder that was set is part of the key. Those
// of http.request are not: Caddy computes them anew for a question.
func (f *Facts) Counts(name string) bool {
	if strings.HasPrefix(name, "http.request.") {
		return false
	}
	in := func(family string) bool { return strings.HasPrefix(name, family) }
	return f.All || !slices.ContainsFunc(families, in) || strings.Contains(f.Texts, name)
}

// Read reads the configuration of the server that is being provisioned; nil if it is not known.
func Read(srv *caddyhttp.Server) (*Facts, error) {
	if srv == nil {
		return &Facts{All: true}, nil
	}
	c := configStrings{names: Provisioned(srv).Destinations}
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
	u := c.facts(!seen)
	u.walk(srv)
	return u, nil
}

// Fixed reports whether a placeholder that is set before the gate is constant or made of the
// site's own address: its value is no credential.
func (f *Facts) Fixed(placeholder string) bool { return f.places[family(placeholder)] == isFixed }

// NamesUser reports whether the value of such a placeholder may identify a user.
func (f *Facts) NamesUser(placeholder string) bool { return f.places[family(placeholder)] == isUser }

// UserID is the placeholder in which Caddy's authentication handlers put the user. Caddy's
// access log takes the user from it.
const UserID = "http.auth.user.id"

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

// Mentioned matches a placeholder in a text.
var Mentioned = regexp.MustCompile(`\{([^{}]+)\}`)

// Placeholders returns the names of the placeholders in all texts of a decoded JSON value,
// including the names of members.
func Placeholders(value any) (names []string) {
	switch v := value.(type) {
	case string:
		for _, m := range Mentioned.FindAllStringSubmatch(v, -1) {
			names = append(names, m[1])
		}
	case []any:
		for _, e := range v {
			names = append(names, Placeholders(e)...)
		}
	case map[string]any:
		for name, e := range v {
			names = slices.Concat(names, Placeholders(name), Placeholders(e))
		}
	}
	return names
}

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
	c.names = append(c.names, Placeholders(text)...)
}

// facts returns the Facts with names and texts of c. all means that the handlers behind the
// gate are not known.
func (c *configStrings) facts(all bool) *Facts {
	u := &Facts{All: all}
	behind := strings.Join(c.behind, "\n")
	slices.Sort(c.names)
	for _, name := range slices.Compact(c.names) {
		if (all || strings.Contains(behind, name)) && !ofCaddy(name) {
			u.Names = append(u.Names, name)
		}
	}
	u.Texts = behind
	return u
}

// ofCaddy reports whether Caddy itself always provides a placeholder; handlers can't replace
// it.
func ofCaddy(name string) bool {
	of := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	return slices.ContainsFunc([]string{"http.request.", "http.vars.", "env.", "file."}, of)
}
