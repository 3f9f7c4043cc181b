package caddyplugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() { caddy.RegisterModule(errorsHandler{}) }

// errorsName is the handler name of errorsHandler in a configuration.
const errorsName = "two_factor_errors"

// errorsHandler is the module `http.handlers.two_factor_errors`, the first handler of the
// error routes of a server with gates. It strips all requests to the gates' sites. A gate can
// strip only requests that reach it; authentications and limits before it may fail earlier.
// guardErrorRoutes inserts the handler when a gate is provisioned.
type errorsHandler struct {
	// Routes are the indexes of the server's routes that have a gate.
	Routes []int `json:"routes"`
	// Vars are the variables that may name a user.
	Vars []string `json:"vars,omitempty"`

	sites []caddyhttp.MatcherSets
}

// CaddyModule returns the module's information.
func (errorsHandler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers." + errorsName, New: func() caddy.Module { return new(errorsHandler) }}
}

// Provision looks up the matchers of the gates' sites.
func (h *errorsHandler) Provision(ctx caddy.Context) error {
	srv, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok {
		return errors.New(errorsName + " stands in the error routes of a server only")
	}
	for _, i := range h.Routes {
		if i < 0 || i >= len(srv.Routes) {
			return fmt.Errorf("%s: the server has no route %d", errorsName, i)
		}
		h.sites = append(h.sites, srv.Routes[i].MatcherSets)
	}
	return nil
}

// ServeHTTP strips the request if it may be for a gate's site, and calls the next handler.
func (h *errorsHandler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if slices.ContainsFunc(h.sites, func(sets caddyhttp.MatcherSets) bool { return mayBeFor(r, sets) }) {
		repl, _ := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
		strip(w, r, repl, h.Vars)
	}
	return next.ServeHTTP(w, r)
}

// mayBeFor reports whether the request's host is one of a site's. Other matchers are ignored:
// handlers may have changed the path or headers since.
func mayBeFor(r *http.Request, sets caddyhttp.MatcherSets) bool {
	return len(sets) == 0 || slices.ContainsFunc(sets, func(set caddyhttp.MatcherSet) bool {
		for _, m := range set {
			if host, ok := m.(*caddyhttp.MatchHost); ok {
				matches, err := host.MatchWithError(r)
				return matches || err != nil
			}
		}
		return true
	})
}

// guardErrorRoutes inserts errorsHandler as the first error route of the server that is being
// provisioned. That is possible because Caddy provisions error routes after the other routes.
func guardErrorRoutes(ctx caddy.Context, userVars []string) error {
	srv, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok || srv.Errors == nil || len(srv.Errors.Routes) == 0 {
		return nil
	}
	site := slices.IndexFunc(srv.Routes, func(r caddyhttp.Route) bool { return len(r.HandlersRaw) > 0 && r.Handlers == nil })
	if site < 0 {
		return errors.New("two_factor is in a named route or in an error route (handle_errors) of a server that has error routes, so it can't remove the credentials from requests to these: put two_factor into the site block itself, or remove handle_errors")
	}
	first, rest := guardOf(srv.Errors.Routes)
	if !slices.Contains(first.Routes, site) {
		first.Routes = append(first.Routes, site)
	}
	first.Vars = slices.Compact(slices.Sorted(slices.Values(append(first.Vars, userVars...))))
	raw, err := json.Marshal(first)
	if err != nil {
		return fmt.Errorf("guarding error routes: %w", err)
	}
	srv.Errors.Routes = append(caddyhttp.RouteList{{HandlersRaw: []json.RawMessage{raw}}}, rest...)
	return nil
}

// errorsConfig is errorsHandler's configuration as a handler of a route.
type errorsConfig struct {
	Handler string `json:"handler"`
	errorsHandler
}

// guardOf returns the errorsHandler at the beginning of error routes, or a new one, and the
// other routes.
func guardOf(routes caddyhttp.RouteList) (guard errorsConfig, rest caddyhttp.RouteList) {
	if raw := routes[0].HandlersRaw; len(raw) == 1 && json.Unmarshal(raw[0], &guard) == nil && guard.Handler == errorsName {
		return guard, routes[1:]
	}
	guard = errorsConfig{Handler: errorsName}
	return guard, routes
}

var (
	_ caddy.Provisioner           = (*errorsHandler)(nil)
	_ caddyhttp.MiddlewareHandler = (*errorsHandler)(nil)
)
