// Package admin serves the admin API below Caddy's admin endpoint: it looks at the running
// [server.Server] and acts on it. The commands of package cli are its clients, and share its
// types. Importing it registers the module [API].
package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/internal/server"
	"github.com/secondgate/secondgate/internal/store"
)

func init() { caddy.RegisterModule(API{}) }

// API is the module `admin.api.two_factor`. The commands send their requests to it, because
// the running server holds the store's lock and no other process can open the store. Caddy's
// admin endpoint has no login. Routes that change users or export secrets therefore answer
// on a private socket only; see guarded.
//
//	GET /two_factor/report?days=N    what was counted in the last N days: []report.Summary
//
// The other routes: auditRoutes (audit log), userRoutes (users), keepingRoutes (backups and
// master keys), transferRoutes (import and export), statusRoute (the server as a whole).
// docs/admin-api.md describes them all.
type API struct{}

// CaddyModule returns the module's information.
func (API) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.two_factor", New: func() caddy.Module { return new(API) }}
}

// Routes returns all routes of the API, each behind guarded. Caddy calls it.
func (API) Routes() []caddy.AdminRoute {
	report := caddy.AdminRoute{Pattern: "/two_factor/report", Handler: handle(serveReport, http.MethodGet)}
	all := slices.Concat([]caddy.AdminRoute{report, statusRoute}, auditRoutes, transferRoutes, userRoutes, keepingRoutes)
	for i, r := range all {
		all[i] = guarded(r)
	}
	return all
}

// DefaultDays is the number of days in a report if the request or command gives none.
const DefaultDays = 7

func serveReport(w http.ResponseWriter, r *http.Request, s *server.Server) error {
	days := DefaultDays
	if v := r.URL.Query().Get("days"); v != "" {
		days, _ = strconv.Atoi(v) // 0 for a text that is no number
	}
	if err := CheckDays(days); err != nil {
		return badRequest(err)
	}
	all, err := s.Report(r.Context(), days)
	if err != nil {
		return unavailable(err)
	}
	return answerJSON(w, http.StatusOK, all)
}

// CheckDays returns an error unless a report can go back n days.
func CheckDays(n int) error {
	if n < 1 || n > store.KeepDays {
		return fmt.Errorf("days: want a number from 1 to %d; no more are kept", store.KeepDays)
	}
	return nil
}

// running returns the server of the active configuration. It returns [server.ErrNoSite] if
// that configuration has no app two_factor.
func running() (*server.Server, error) {
	mod, err := caddy.ActiveContext().AppIfConfigured("two_factor")
	if errors.Is(err, caddy.ErrNotConfigured) {
		return nil, server.ErrNoSite
	}
	if err != nil {
		return nil, fmt.Errorf("finding the app two_factor: %w", err)
	}
	return mod.(interface{ Server() *server.Server }).Server(), nil
}

// serving is a handler that needs the running server.
type serving func(w http.ResponseWriter, r *http.Request, s *server.Server) error

// handle returns a handler that calls serve with the running server. Without one it answers 503.
// Other methods than the given ones get status 405.
func handle(serve serving, methods ...string) caddy.AdminHandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		if !slices.Contains(methods, r.Method) {
			w.Header().Set("Allow", strings.Join(methods, ", "))
			return caddy.APIError{HTTPStatus: http.StatusMethodNotAllowed, Err: fmt.Errorf("method %s is not allowed here; want %s", r.Method, strings.Join(methods, " or "))}
		}
		s, err := running()
		if err != nil {
			return unavailable(err)
		}
		return serve(w, r, s)
	}
}

func unavailable(err error) error {
	return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
}
func badRequest(err error) error { return caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: err} }
func conflict(err error) error   { return caddy.APIError{HTTPStatus: http.StatusConflict, Err: err} }

// answerJSON writes v as JSON with this status.
func answerJSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(v)
}

var _ caddy.AdminRouter = (*API)(nil)
