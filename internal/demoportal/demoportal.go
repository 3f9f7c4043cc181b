// Package demoportal is the customer portal of an invented hosting provider, Oma Avaruus. The
// command demo runs it behind the gateway ([Start]), and tests use it as the portal ([New]).
//
// It has the weaknesses of old portals on purpose: no second factor, a session id that does
// not change at a sign-in, session ids that a client chooses (as PHP accepts without
// session.use_strict_mode), an email address or user name in any case, and sign-ins by form,
// by JSON and by a "remember me" cookie. All its state is in memory. [Start] listens on
// loopback only, because the passwords are public.
package demoportal

import (
	"crypto/rand"
	"embed"
	"html/template"
	"io"
	"net/http"
	"sync"
	"time"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed static
var staticFiles embed.FS

// Portal is the demo portal as an http.Handler. Clock and Rand may be replaced
// before the first request.
type Portal struct {
	Clock func() time.Time
	Rand  io.Reader

	mux   *http.ServeMux
	pages map[string]*template.Template

	mu         sync.Mutex
	sessions   map[string]*session
	remembered map[[32]byte]remembrance
	profiles   map[int]profile
	transfers  []transfer
}

// New returns a portal with the sample customers; none is signed in.
func New() *Portal {
	p := &Portal{
		Clock:      time.Now,
		Rand:       rand.Reader,
		pages:      parsePages(),
		sessions:   make(map[string]*session),
		remembered: make(map[[32]byte]remembrance),
		profiles:   make(map[int]profile),
	}
	p.mux = p.routes()
	return p
}

// ServeHTTP implements http.Handler. Everything but static files opens a session.
func (p *Portal) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

func (p *Portal) routes() *http.ServeMux {
	mux, all := http.NewServeMux(), http.NewServeMux()
	all.Handle("GET /static/", http.FileServerFS(staticFiles))
	all.Handle("/", p.withSession(mux))
	mux.HandleFunc("GET /{$}", p.front)
	mux.HandleFunc("GET /login", p.loginForm)
	mux.HandleFunc("POST /login", p.login)
	mux.HandleFunc("GET /logout", p.logout)
	mux.HandleFunc("GET /account", p.customers(p.account))
	mux.HandleFunc("GET /invoices", p.customers(p.invoices))
	mux.HandleFunc("GET /account/settings", p.customers(p.settingsForm))
	mux.HandleFunc("POST /account/settings", p.customers(p.saveSettings))
	mux.HandleFunc("GET /account/transfer", p.customers(p.transferForm))
	mux.HandleFunc("POST /account/transfer", p.customers(p.saveTransfer))
	mux.HandleFunc("GET /files/{name}", p.customers(p.invoiceFile))
	mux.HandleFunc("GET /files/big", p.customers(p.bigFile))
	mux.HandleFunc("POST /files/upload", p.customers(p.upload))
	mux.HandleFunc("GET /api/me", p.scripts(p.apiMe))
	mux.HandleFunc("POST /api/login", p.apiLogin)
	mux.HandleFunc("GET /clock", p.scripts(p.clockEvents))
	mux.HandleFunc("GET /clock/ws", p.scripts(p.clockSocket))
	return all
}

// handler answers a signed-in customer.
type handler func(w http.ResponseWriter, r *http.Request, c Customer)

// customers returns a handler that calls h for signed-in customers. It redirects all others
// to the sign-in form, which leads back.
func (p *Portal) customers(h handler) http.HandlerFunc { return p.signedInOr(redirectToLogin, h) }

// scripts is like customers, for requests of scripts: those not signed in get 401 in JSON.
func (p *Portal) scripts(h handler) http.HandlerFunc {
	return p.signedInOr(func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "not signed in"})
	}, h)
}

func (p *Portal) signedInOr(stranger http.HandlerFunc, h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if customer, ok := p.signedIn(r); ok {
			h(w, r, customer)
			return
		}
		stranger(w, r)
	}
}
