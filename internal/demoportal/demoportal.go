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
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"sync"
	"time"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed static
var staticFiles embed.FS

// Portal is the demo portal as an http.Handler. Clock may be replaced before the first request.
type Portal struct {
	Clock func() time.Time

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

// parsePages reads every page within the common layout. The files are compiled in,
// so a mistake shows in the first test.
func parsePages() map[string]*template.Template {
	pages := make(map[string]*template.Template)
	for _, name := range []string{"front", "login", "account", "invoices", "settings", "transfer"} {
		pages[name] = template.Must(template.ParseFS(pageFiles, "pages/layout.html", "pages/"+name+".html"))
	}
	return pages
}

// view is what the layout shows; Page is for the page itself.
type view struct {
	Title string
	// Customer is nil for strangers.
	Customer *Customer
	Page     any
}

// render writes the page.
func (p *Portal) render(w http.ResponseWriter, r *http.Request, page, title string, data any) {
	v := view{Title: title, Page: data}
	if customer, ok := p.signedIn(r); ok {
		v.Customer = &customer
	}
	var b bytes.Buffer
	if err := p.pages[page].ExecuteTemplate(&b, "layout", v); err != nil {
		http.Error(w, "This page could not be made.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "private, no-cache")
	_, _ = b.WriteTo(w)
}

func (p *Portal) front(w http.ResponseWriter, r *http.Request) {
	p.render(w, r, "front", "Hosting with room to grow", nil)
}

// ErrNotLoopback is returned by Start for an address that others could reach: the
// sample passwords are public.
var ErrNotLoopback = errors.New("the demo portal listens on loopback addresses only")

// Server is a running demo portal.
type Server struct {
	// URL is its address, without a slash at the end.
	URL    string
	Portal *Portal

	done chan error
}

// Start serves a new portal at addr ("127.0.0.1:8081"; port 0 takes a free one)
// until the context ends.
func Start(ctx context.Context, addr string) (*Server, error) {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("demo portal's address: %w", err)
	}
	if !tcp.IP.IsLoopback() {
		return nil, fmt.Errorf("%s: %w", addr, ErrNotLoopback)
	}
	listener, err := net.ListenTCP("tcp", tcp)
	if err != nil {
		return nil, fmt.Errorf("starting the demo portal: %w", err)
	}
	s := &Server{URL: "http://" + listener.Addr().String(), Portal: New(), done: make(chan error, 1)}
	// Requests end with the context too, or the endless clocks would hold up the end.
	server := &http.Server{
		Handler: s.Portal, ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	go func() { s.done <- server.Serve(listener) }()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return s, nil
}

// Wait returns when the server has ended; nil when the context ended it.
func (s *Server) Wait() error {
	err := <-s.done
	s.done <- err
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serving the demo portal: %w", err)
}
