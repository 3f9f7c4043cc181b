package caddyplugin

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/caddyplugin/routes"
	"github.com/secondgate/secondgate/caddyplugin/upstreams"
	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/server"
	"github.com/secondgate/secondgate/internal/throttle"
)

func init() { caddy.RegisterModule(Handler{}) }

// Handler is the module `http.handlers.two_factor`: the gate in front of one portal.
type Handler struct {
	config.Site
	// Admin is the address of the admin endpoint that the Caddyfile names, or "off". It
	// is used for a warning only.
	Admin string `json:"admin,omitempty"`
	// Source is the file and line of the directive in the Caddyfile. Errors begin with it, and
	// warnings have it as a field.
	Source string `json:"source,omitempty"`

	site *server.Site
	// gate returns the site's gate. While it returns an error, requests get status 503.
	gate func() (*gateway.Gateway, error)
	// passed is set on each request, for the support desk; see behindPortal.
	passed gateMark
	// used describes the handlers around the gate in the configuration.
	used *used
	// path is the path of the own pages; observes is true for `mode observe`.
	path     string
	observes bool
	log      *zap.Logger
	// pools are the upstreams of the proxies behind the gate. upstreamsCheck sets them when
	// the server has started.
	pools *atomic.Pointer[upstreams.Pools]
	// proxies remembers for which peers warnOfProxy has warned; all gates of a store share it.
	proxies *throttle.Proxies
}

// CaddyModule returns the module's information.
func (Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.two_factor", New: func() caddy.Module { return new(Handler) }}
}

// Provision builds the gate from the settings.
func (h *Handler) Provision(ctx caddy.Context) error {
	if err := h.provision(ctx); err != nil && h.Source != "" {
		return fmt.Errorf("%s: %w", h.Source, err)
	} else if err != nil {
		return err
	}
	return nil
}

func (h *Handler) provision(ctx caddy.Context) error {
	if err := checkLayout(); err != nil {
		return err
	}
	site, err := h.Resolved()
	if err != nil {
		return err
	}
	mod, err := ctx.App("two_factor")
	if err != nil {
		return err
	}
	app := mod.(*App)
	at := claimantOf(ctx)
	if err := app.claims.add(h.Site, at); err != nil {
		return err
	}
	app.admin = h.Admin
	srv, _ := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if h.used, err = usedBehind(srv); err != nil {
		return err
	}
	if err := h.refuse(ctx, srv, site); err != nil {
		return err
	}
	if site.User == "" { // else whoami is not asked
		if err := checkUpstreams(ctx, h); err != nil {
			return err
		}
	}
	h.log = ctx.Logger()
	for _, w := range h.warnings(srv, site) {
		h.log.Warn("settings", zap.String("warning", w), zap.String("source", h.Source))
	}
	h.passed = gateMark{user: site.User, realm: site.Realm}
	h.path, h.observes = site.Path, site.Mode == "observe"
	h.pools = new(atomic.Pointer[upstreams.Pools])
	h.proxies = app.server.Proxies()
	options := server.SiteOptions{
		Site: site, Given: h.Site, Source: h.Source, Address: at.address, Addresses: at.addresses(), Places: at.places(site.Realm),
	}
	if options.Gateway, err = h.gateway(site); err != nil {
		return fmt.Errorf("two_factor: %w", err)
	}
	if h.site, err = app.server.Add(ctx, options); err != nil {
		return err
	}
	h.gate = h.site.Gate
	return nil
}

// refuse returns an error if the handlers around the gate would take away what it protects. In
// `mode observe` most of that is allowed.
func (h *Handler) refuse(ctx caddy.Context, srv *caddyhttp.Server, site config.Site) error {
	if site.User == "" && h.used.Unasked != nil {
		return fmt.Errorf("two_factor: %w", h.used.Unasked)
	}
	if site.Mode != "observe" {
		if err := h.refuseAround(); err != nil {
			return err
		}
		if err := guardErrorRoutes(ctx, h.used.UserVars); err != nil {
			return err
		}
	}
	if err := peersOf(srv, site); err != nil {
		return fmt.Errorf("two_factor: %w", err)
	}
	return nil
}

func (h *Handler) refuseAround() error {
	switch {
	case h.used.Shared:
		return errors.New("`header` before two_factor changes Cache-Control or similar headers after two_factor has made a response with a cookie private: " +
			"a shared cache could give one visitor's session to others; restrict it to the paths of assets (header /static/* …), or put it behind two_factor. The block is deferred until the response is written because of a `>`, `defer`, or a line that removes a field")
	case h.used.Stolen != "":
		return fmt.Errorf("`vars %s` before two_factor sets a variable in which Caddy keeps the client's address or whether a proxy is trusted, so that requests could choose their address; "+
			"name your proxy in trusted_proxies, and the header in client_ip_headers, or give the variable another name", h.used.Stolen)
	case h.used.ErrorRoutes:
		return errors.New("two_factor is in a subroute with its own error routes (\"errors\"), which would send requests that failed before the gate to the portal with all their credentials: define the error routes at the server instead, where two_factor removes the credentials")
	}
	return nil
}

// warnings returns the warnings about the site's settings and the handlers around the gate.
func (h *Handler) warnings(srv *caddyhttp.Server, site config.Site) []string {
	warnings := append(site.Warnings(), h.used.RewriteWarnings(site)...)
	if site.User == "" {
		warnings = append(warnings, h.used.OneSided...)
	}
	if srv != nil {
		warnings = append(warnings, routes.NothingBehind(srv), trustsAll(srv))
	}
	return slices.DeleteFunc(warnings, func(w string) bool { return w == "" })
}

// gateway returns the options of the gateway that depend on Caddy. Server.Add adds the others.
func (h *Handler) gateway(site config.Site) (o gateway.Options, err error) {
	b := builder{site: site, prefixes: h.used.Prefixes, opens: h.used.Opened}
	o = gateway.Options{Fetch: fetch, SetUser: setUser, Bare: bareWithout(h.used.UserVars), BareAll: h.used.Around, Logger: h.log}
	if site.User != "" {
		o.Identify = identify(site.User)
	}
	if o.Rules, err = b.rules(); err != nil {
		return o, err
	}
	o.Bearer, err = b.bearer()
	return o, err
}

// Validate does nothing. It hides the method of the embedded Site, which Caddy would call on
// settings without preset and defaults. Provision validates the resolved settings.
func (h *Handler) Validate() error { return nil }

// Cleanup stops the gate's background work when the configuration was replaced. Caddy also
// calls it after Provision returned an error.
func (h *Handler) Cleanup() error {
	if h.site != nil {
		h.site.Stop()
	}
	return nil
}

// ServeHTTP takes one request through the gate.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) (err error) {
	ctx := r.Context()
	asked := r.URL
	if original, ok := ctx.Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
		asked = original.URL
	}
	if h.tooEarly(r, asked) {
		return refuseEarly(w)
	}
	gate, err := h.gate()
	if err != nil {
		return caddyhttp.Error(http.StatusServiceUnavailable, err)
	}
	vars, _ := ctx.Value(caddyhttp.VarsCtxKey).(map[string]any)
	repl, _ := ctx.Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	b := newBehind(next, &h.passed, vars, repl)
	h.passed.mark(vars)
	b.meets(h.pools, repl)
	c := gateway.Client{URL: asked, Secure: secure(r, b.trusted), Identity: identity(r, repl, b.placed)}
	c.Address, _ = b.address.(string)
	if b.stored != nil {
		h.used.freeze(b.stored, repl)
		defer h.used.thaw(b.stored, repl) // error routes must not get the values
		c.Placeholders, c.Stored, c.Added = h.used.key(b.stored)
	}
	c.Added = c.Added || c.Identity != "" && h.used.identity()
	h.warnOfProxy(r, c.Address)
	served := false
	defer func() { b.logUser(repl, served) }()
	if err = gate.ServeHTTP(w, r, c, b); err != nil && !h.observes {
		strip(w, r, repl, h.used.UserVars)
	}
	served = err == nil
	return err
}

// secure reports whether the browser uses HTTPS, to this server or to a proxy in front of it.
// The header counts only if it comes from a proxy that the server trusts.
func secure(r *http.Request, trusted any) bool {
	return r.TLS != nil || trusted == true && r.Header.Get("X-Forwarded-Proto") == "https"
}

// setUser keeps the user's id for the access log; see logUser. The gateway calls it before
// the request is forwarded (gateway.Options.SetUser).
func setUser(next gateway.Next, id string) {
	if b, ok := next.(*behind); ok {
		b.user.Store(&id)
	}
}

// identify returns the function that resolves the placeholder of the setting `user`, for
// gateway.Options.Identify. An unknown placeholder resolves to "", no user.
func identify(placeholder string) func(*http.Request) string {
	return func(r *http.Request) string {
		repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
		if !ok {
			return ""
		}
		return repl.ReplaceAll(placeholder, "")
	}
}

var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.Validator             = (*Handler)(nil)
	_ caddy.CleanerUpper          = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
