package cli

import (
	"bytes"
	"errors"
	"net/http"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/secondgate/secondgate/internal/onboard/check"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// tokenHeader carries the rehearsal's token to its own servers, which take it off:
// others on the machine must not come in where no gate stands.
const tokenHeader = "X-Secondgate-Rehearsal-Token"

// rehearsals are those of this process, by token.
var rehearsals sync.Map

// rehearsalHandler is `http.handlers.two_factor_rehearsal`, which exists only while
// `check` runs. At the front it lets only the rehearsal's own browsers in; behind the
// gate it notes what whoami is answered, and answers in the portal's place when the
// rehearsal wants to see an unknown answer.
type rehearsalHandler struct {
	Token  string `json:"token"`
	Behind bool   `json:"behind,omitempty"`

	watch *whoamiWatch
}

var registerRehearsal = sync.OnceFunc(func() { caddy.RegisterModule(rehearsalHandler{}) })

// CaddyModule returns the module's information.
func (rehearsalHandler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.two_factor_rehearsal", New: func() caddy.Module { return new(rehearsalHandler) }}
}

// Provision joins the rehearsal.
func (h *rehearsalHandler) Provision(caddy.Context) error {
	watch, ok := rehearsals.Load(h.Token)
	if !ok {
		return errors.New("two_factor_rehearsal is for the command check only")
	}
	h.watch = watch.(*whoamiWatch)
	return nil
}

// ServeHTTP is the front or the place behind the gate.
func (h *rehearsalHandler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if h.Behind {
		return h.watch.serve(w, r, next)
	}
	if r.Header.Get(tokenHeader) != h.Token {
		return caddyhttp.Error(http.StatusForbidden, errors.New("not the rehearsal's browser"))
	}
	r.Header.Del(tokenHeader)
	if r.Header.Get("X-Forwarded-Proto") == "https" {
		// The site is one with HTTPS; its portal is to be told so as it always is.
		caddyhttp.SetVar(r.Context(), caddyhttp.TrustedProxyVarKey, true)
	}
	return next.ServeHTTP(w, r)
}

// whoamiWatch knows what whoami was answered of late.
type whoamiWatch struct {
	mu    sync.Mutex
	fault *check.Fault
	asked []check.Asked
}

// questionWriter is the response writer of a request that asks whoami.
type questionWriter interface {
	http.ResponseWriter
	Response() whoami.Response
}

// serve passes requests on; those of the gate itself are whoami's.
func (h *whoamiWatch) serve(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	rec, ok := w.(questionWriter)
	if !ok {
		return next.ServeHTTP(w, r)
	}
	uri := r.URL.RequestURI()
	h.mu.Lock()
	fault := h.fault
	h.mu.Unlock()
	if fault != nil {
		rec.Header().Set("Content-Type", "text/html; charset=utf-8")
		rec.WriteHeader(fault.Status)
		_, err := rec.Write([]byte(fault.Body))
		return err
	}
	err := next.ServeHTTP(w, r)
	h.mu.Lock()
	defer h.mu.Unlock()
	response := rec.Response()
	response.Body = bytes.Clone(response.Body)
	h.asked = append(h.asked, check.Asked{URI: uri, Response: response})
	return err
}

// Break has whoami answered like this from now on; nil ends that.
func (h *whoamiWatch) Break(f *check.Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fault = f
}

// Asked takes what was asked since the last call.
func (h *whoamiWatch) Asked() []check.Asked {
	h.mu.Lock()
	defer h.mu.Unlock()
	asked := h.asked
	h.asked = nil
	return asked
}

var (
	_ caddy.Provisioner           = (*rehearsalHandler)(nil)
	_ caddyhttp.MiddlewareHandler = (*rehearsalHandler)(nil)
)
