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

// tokenHeader carries the rehearsal's token to the stage's servers, which remove it. Other
// processes on the machine don't know the token and can't use the server without a gate.
const tokenHeader = "X-Secondgate-Rehearsal-Token"

// rehearsals maps the token of each running rehearsal to its *whoamiWatch.
var rehearsals sync.Map

// rehearsalHandler is the module `http.handlers.two_factor_rehearsal`, registered only while
// `check` runs. In front of the site it refuses requests without the rehearsal's token. Behind
// the gate (Behind) it passes requests to whoamiWatch.
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

// Provision finds the rehearsal with this token.
func (h *rehearsalHandler) Provision(caddy.Context) error {
	watch, ok := rehearsals.Load(h.Token)
	if !ok {
		return errors.New("two_factor_rehearsal is for the command check only")
	}
	h.watch = watch.(*whoamiWatch)
	return nil
}

// ServeHTTP checks the token, or, behind the gate, calls whoamiWatch.serve.
func (h *rehearsalHandler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if h.Behind {
		return h.watch.serve(w, r, next)
	}
	if r.Header.Get(tokenHeader) != h.Token {
		return caddyhttp.Error(http.StatusForbidden, errors.New("not the rehearsal's browser"))
	}
	r.Header.Del(tokenHeader)
	if r.Header.Get("X-Forwarded-Proto") == "https" {
		// The operator's site has HTTPS, the stage does not. With this variable Caddy trusts
		// the header and tells the portal that the browser uses HTTPS.
		caddyhttp.SetVar(r.Context(), caddyhttp.TrustedProxyVarKey, true)
	}
	return next.ServeHTTP(w, r)
}

// whoamiWatch records the portal's answers to whoami questions. While fault is set, it answers
// them itself, so that check can test how the gate handles unknown answers.
type whoamiWatch struct {
	mu    sync.Mutex
	fault *check.Fault
	asked []check.Asked
}

// questionWriter is the response writer of whoami questions; caddyplugin's recorder implements
// it. serve recognises questions by it.
type questionWriter interface {
	http.ResponseWriter
	Response() whoami.Response
}

// serve forwards a request. If it is a whoami question, serve records the answer, or answers
// with the fault.
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

// Break makes all whoami questions get this answer from now on; nil ends that.
func (h *whoamiWatch) Break(f *check.Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fault = f
}

// Asked returns the questions since the last call.
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
