package inspect

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// studyHandler inspects a portal around a shop.
func studyHandler(t *testing.T, portal http.Handler) *Report {
	t.Helper()
	server := httptest.NewServer(portal)
	t.Cleanup(server.Close)
	r, err := Inspect(t.Context(), Options{URL: server.URL, Customers: []browse.Account{alice, bob}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(r.Caddyfile)
		}
	})
	return r
}

// withTicket is a shop that sets a second cookie for /my at the sign-in. shown reports whether
// /my/orders shows the session's customer to a request with this ticket; numbered reports whether
// it shows the customer's number too.
func withTicket(numbered bool, shown func(v *visit, ticket string) bool) http.Handler {
	s := &shop{}
	s.more = map[string]http.HandlerFunc{
		"/profile": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/my/orders", http.StatusFound) },
		"/my/orders": func(w http.ResponseWriter, r *http.Request) {
			v, ticket := s.visit(w, r), ""
			if c, err := r.Cookie("ticket"); err == nil {
				ticket = c.Value
			}
			name, number := v.typed, v.number
			if number == "" && ticket != "" {
				name, number = ticket, shopAccounts[ticket]
			}
			if number == "" || !shown(v, ticket) {
				http.Redirect(w, r, "/login", http.StatusFound)
				return
			}
			if !numbered {
				number = ""
			}
			html(fmt.Sprintf(`<p>Orders of %s</p><p id="customer-number">%s</p>`, name, number))(w, r)
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/login" && r.FormValue("pass") == "pw-"+strings.ToLower(strings.TrimSpace(r.FormValue("name"))) {
			w.Header().Add("Set-Cookie", "ticket="+strings.ToLower(strings.TrimSpace(r.FormValue("name")))+"; Path=/my; HttpOnly")
		}
		s.ServeHTTP(w, r)
	})
}

// TestH1_NarrowCookieIsLeft: a cookie below /my that does not sign a user in is left unsealed.
func TestH1_NarrowCookieIsLeft(t *testing.T) {
	r := studyHandler(t, withTicket(true, func(v *visit, _ string) bool { return v.number != "" }))
	if !slices.Contains(r.Site.Leave, "ticket") {
		t.Errorf("leave %v", r.Site.Leave)
	}
	r.says(t, "ticket: for /my only, where no whoami is. It signs no user in")
}

// TestH1_NarrowCredentialIsAsked: a cookie that a page below /my needs is sealed. That page
// becomes a second whoami, separate from the first, which shows the user without the cookie.
func TestH1_NarrowCredentialIsAsked(t *testing.T) {
	r := studyHandler(t, withTicket(true, func(v *visit, ticket string) bool { return v.number != "" && ticket != "" }))
	i := slices.IndexFunc(r.Site.Whoami, func(w config.Whoami) bool { return w.URI == "/my/orders" })
	if slices.Contains(r.Site.Leave, "ticket") || len(r.Site.Whoami) != 2 || i < 0 || !r.Site.Whoami[i].Apart || r.Site.Whoami[1-i].Apart {
		t.Errorf("leave %v, whoami %+v", r.Site.Leave, r.Site.Whoami)
	}
	r.says(t, "The portal sends the cookie ticket below /my only, and knows the user by it there.")
}

// TestH1_NarrowCookieThatSignsIn: one that signs in by itself, though the session does so
// too, is not left either. The page has no number, so it is no whoami.
func TestH1_NarrowCookieThatSignsIn(t *testing.T) {
	r := studyHandler(t, withTicket(false, func(*visit, string) bool { return true }))
	if slices.Contains(r.Site.Leave, "ticket") {
		t.Errorf("leave %v", r.Site.Leave)
	}
	r.says(t, "The user of requests below /my, to which browsers send the cookie ticket")
}

// TestH1_NarrowCookieNobodyKnows: without a page below the path nothing is assumed about its
// cookie.
func TestH1_NarrowCookieNobodyKnows(t *testing.T) {
	r := studyHandler(t, withTicket(true, func(*visit, string) bool { return false }))
	if slices.Contains(r.Site.Leave, "ticket") || len(r.Site.Whoami) != 1 {
		t.Errorf("%+v", r.Site)
	}
	r.says(t, "The user of requests below /my, to which browsers send the cookie ticket: no whoami gets this cookie")
}

// lateShop signs in after a while, in the same session.
func lateShop(after time.Duration) http.Handler {
	s := &shop{}
	s.more = map[string]http.HandlerFunc{"/login": func(w http.ResponseWriter, r *http.Request) {
		v, name := s.visit(w, r), strings.ToLower(strings.TrimSpace(r.PostFormValue("name")))
		switch {
		case r.Method == http.MethodPost && r.PostFormValue("pass") == "pw-"+name:
			time.AfterFunc(after, func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				v.number, v.typed = shopAccounts[name], name
			})
			html(`Welcome. <a href="/">Go on</a>`)(w, r)
		default:
			html(loginForm)(w, r)
		}
	}}
	return s
}

// TestH2_LateCommit: a portal that commits its sign-ins late is learned like others.
func TestH2_LateCommit(t *testing.T) {
	t.Parallel()
	r := studyHandler(t, lateShop(150*time.Millisecond))
	if r.Site.Settle != nil || r.User != "4711" || r.Site.Watch != "" {
		t.Errorf("%+v", r.Site)
	}
	r.says(t, "The portal commits a sign-in up to 250ms after its response. The gateway waits 2s for that (`settle`).")
	if r := studyHandler(t, lateShop(0)); strings.Contains(r.Caddyfile, "commits a sign-in") {
		t.Error("a portal that commits at once is said to be late")
	}
}

// TestH2_LaterThanSettle: `settle` is raised where the default is too short.
func TestH2_LaterThanSettle(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(lateShop(2200 * time.Millisecond))
	t.Cleanup(server.Close)
	in := &inspection{Options: Options{URL: server.URL, Customers: []browse.Account{alice}, Progress: func(string) {}}, notes: map[string][]string{}}
	for _, step := range []func(context.Context) error{in.address, in.enter} {
		if err := step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if in.site.Settle == nil || in.site.Settle.String() != "4s" || len(in.notes["settle"]) != 1 {
		t.Errorf("settle %v, notes %q", in.site.Settle, in.notes)
	}
}

// TestH2_PresetKeepsSettle: a preset replaces the settings, but not the `settle` that was
// measured at the portal.
func TestH2_PresetKeepsSettle(t *testing.T) {
	t.Parallel()
	settle := config.Duration(4 * time.Second)
	verdict := func(v whoami.Verdict) observation {
		return observation{presets: map[string]whoami.Verdict{"wordpress": v}}
	}
	in := &inspection{site: config.Site{Settle: &settle}, notes: map[string][]string{"settle": {"late"}}}
	in.ev.presets = map[string][]*whoami.Question{"wordpress": nil}
	in.ev.users = []observation{verdict(whoami.Verdict{Kind: whoami.User, User: "17"})}
	in.ev.strangers = []observation{verdict(whoami.Verdict{Kind: whoami.Anonymous})}
	if !in.recognise() || in.site.Portal != "wordpress" || in.site.Settle == nil || *in.site.Settle != settle {
		t.Fatalf("%+v", in.site)
	}
	in.base = &url.URL{Scheme: "http", Host: "127.0.0.1:1"}
	if r, err := in.report(); err != nil || !strings.Contains(r.Caddyfile, "settle 4s") {
		t.Errorf("%v %+v", err, r)
	}
}

// TestH4_BoundSessions: the header is named, and nothing else changes.
func TestH4_BoundSessions(t *testing.T) {
	for _, name := range []string{"", "User-Agent", "Accept-Encoding", "Referer"} {
		t.Run(name, func(t *testing.T) {
			s, usual := &shop{}, map[string]string{}
			r := studyHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if c, err := r.Cookie("sid"); err == nil && name != "" {
					if value := usual[c.Value]; value != "" && r.Header.Get(name) != "" && value != r.Header.Get(name) && name != "Referer" {
						r.Header.Del("Cookie")
					}
					usual[c.Value] = r.Header.Get(name)
				}
				if name == "Referer" && strings.Contains(r.Header.Get(name), "/another-page") {
					r.Header.Del("Cookie")
				}
				s.ServeHTTP(w, r)
			}))
			if said := strings.Contains(flat(r.Caddyfile), "The portal signs out browsers that change their"); said != (name != "") {
				t.Errorf("said: %v", said)
			}
			r.says(t, name)
		})
	}
}
