package caddyplugin

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/server"
	"github.com/secondgate/secondgate/internal/staffpages"
)

func init() { caddy.RegisterModule(StaffHandler{}) }

// StaffHandler is the module `http.handlers.two_factor_admin`: the support desk, for a site of
// its own behind an authentication for staff. It answers every request itself and never calls
// the next handler.
type StaffHandler struct {
	// Realms are the realms with users to show. Default: all realms of the server.
	Realms []string `json:"realms,omitempty"`
	// Staff is the placeholder with the name of the signed-in member of staff. Default:
	// {http.auth.user.id}, which Caddy's authentication handlers set.
	Staff string `json:"staff,omitempty"`
	// Act names the staff who may change users. Default: none.
	Act *StaffRule `json:"act,omitempty"`
	// View names the staff who may see users. Default: all who are authenticated. Staff who
	// may change users may always see them.
	View *StaffRule `json:"view,omitempty"`

	server *server.Server
	// ready is Server.Ready. While it returns an error, requests get status 503.
	ready     func() error
	pages     *staffpages.Pages
	act, view caddyhttp.MatcherSets
	log       *zap.Logger
}

// StaffRule names members of staff. A member is named if any of its fields applies.
type StaffRule struct {
	// Everybody names all who are authenticated.
	Everybody bool `json:"everybody,omitempty"`
	// Names are compared exactly with the name in the placeholder Staff.
	Names []string `json:"names,omitempty"`
	// Match are Caddy matcher sets.
	Match []config.MatcherSet `json:"match,omitempty"`
}

// CaddyModule returns the module's information.
func (StaffHandler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.two_factor_admin", New: func() caddy.Module { return new(StaffHandler) }}
}

// Provision checks the settings and builds the pages.
func (h *StaffHandler) Provision(ctx caddy.Context) (err error) {
	h.log = ctx.Logger()
	staffRows.Fill(h)
	if err := staffRows.Check(h); err != nil {
		return fmt.Errorf("two_factor_admin: %w", err)
	}
	for _, rule := range []struct {
		from *StaffRule
		to   *caddyhttp.MatcherSets
	}{{h.Act, &h.act}, {h.View, &h.view}} {
		if *rule.to, err = loadSets(ctx, rule.from); err != nil {
			return fmt.Errorf("two_factor_admin: %w", err)
		}
	}
	mod, err := ctx.App("two_factor")
	if err != nil {
		return err
	}
	h.warn()
	h.server = mod.(*App).server
	h.ready = h.server.Ready
	h.pages, err = h.server.StaffPages(h.Realms, h.log)
	return err
}

// warn logs warnings about settings that are allowed but usually wrong.
func (h *StaffHandler) warn() {
	if h.Act == nil {
		h.log.Warn("settings", zap.String("warning", "two_factor_admin has no act, so staff can view users but can't change them: name the staff who may change users with act NAME..., act @MATCHER or act *"))
	}
	if strings.HasPrefix(h.Staff, "{http.request.header.") {
		h.log.Warn("settings", zap.String("warning", "two_factor_admin takes the name of staff from a request header: make sure that an authentication before it (forward_auth with copy_headers) sets or removes "+h.Staff+" on every request; otherwise any client that sends it is treated as staff"))
	}
}

// checkStaff accepts a single placeholder of the request. A constant, such as a word or
// {env.X}, would give every visitor the same name.
func checkStaff(placeholder string) error {
	if !strings.HasPrefix(placeholder, "{http.") || strings.IndexByte(placeholder, '}') != len(placeholder)-1 {
		return fmt.Errorf("%q is not one placeholder of the request; want for example {http.auth.user.id} or {http.request.tls.client.subject}", placeholder)
	}
	return nil
}

func loadSets(ctx caddy.Context, rule *StaffRule) (sets caddyhttp.MatcherSets, err error) {
	if rule == nil {
		return nil, nil
	}
	for _, set := range rule.Match {
		loaded, err := loadSet(ctx, set)
		if err != nil {
			return nil, err
		}
		sets = append(sets, loaded)
	}
	return sets, nil
}

func loadSet(ctx caddy.Context, set config.MatcherSet) (caddyhttp.MatcherSet, error) {
	var out caddyhttp.MatcherSet
	for name, raw := range set {
		mod, err := ctx.LoadModuleByID("http.matchers."+name, raw)
		if err != nil {
			return nil, err
		}
		m, ok := mod.(caddyhttp.RequestMatcherWithError)
		if !ok {
			return nil, fmt.Errorf("module %T is no request matcher", mod)
		}
		out = append(out, m)
	}
	return out, nil
}

// holds reports whether the rule names this member of staff. A matcher that returns an error
// does not match.
func (s *StaffRule) holds(r *http.Request, name string, sets caddyhttp.MatcherSets) bool {
	if s.Everybody || slices.Contains(s.Names, name) {
		return true
	}
	if len(sets) == 0 {
		return false
	}
	ok, err := sets.AnyMatchWithError(r)
	return ok && err == nil
}

// ServeHTTP answers every request.
func (h *StaffHandler) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	ctx := r.Context()
	repl, ok := ctx.Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return caddyhttp.Error(http.StatusInternalServerError, errors.New("two_factor_admin needs Caddy's HTTP server"))
	}
	if err := h.ready(); err != nil {
		return caddyhttp.Error(http.StatusServiceUnavailable, err)
	}
	v := staffpages.Visitor{
		Staff:  strings.TrimSpace(repl.ReplaceAll(h.Staff, "")),
		Behind: h.behindPortal(r),
		Secure: secure(r, caddyhttp.GetVar(ctx, caddyhttp.TrustedProxyVarKey)),
	}
	v.Address, _ = caddyhttp.GetVar(ctx, caddyhttp.ClientIPVarKey).(string)
	v.Acts = v.Staff != "" && h.Act != nil && h.Act.holds(r, v.Staff, h.act)
	v.Sees = v.Acts || h.View == nil || h.View.holds(r, v.Staff, h.view)
	if original, ok := ctx.Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
		shallow := *r
		shallow.URL = original.URL
		r = &shallow
	}
	h.pages.ServeHTTP(w, r, v)
	return nil
}

var (
	_ caddy.Provisioner           = (*StaffHandler)(nil)
	_ caddyhttp.MiddlewareHandler = (*StaffHandler)(nil)
)
