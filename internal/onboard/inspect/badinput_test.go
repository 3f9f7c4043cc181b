package inspect

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/onboard/browse"
)

const loginForm = `<form method="post" action="/login"><input name="name"><input type="password" name="pass"></form>`

// html answers with a page.
func html(page string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, page)
	}
}

// then answers the form with a page, and a GET with the form.
func then(page string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			html(page)(w, r)
			return
		}
		html(loginForm)(w, r)
	}
}

func endless(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	for r.Context().Err() == nil {
		if _, err := fmt.Fprint(w, strings.Repeat("x", 64<<10)); err != nil {
			return
		}
	}
}

// TestBadPortals: each unusable portal yields one sentence with what was seen and what to do.
func TestBadPortals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		portal http.HandlerFunc
		kind   error
		says   string
	}{
		"wrong password": {then(loginForm), browse.ErrStillForm, "check the test customer's user name and password"},
		"captcha":        {html(strings.Replace(loginForm, "<input ", `<div class="g-recaptcha"></div><input `, 1)), browse.ErrCaptcha, "sign in without it"},
		"second factor":  {then(`<form method="post"><input name="otp_code" autocomplete="one-time-code"></form>`), browse.ErrSecondFactor, "switch the portal's own second factor off"},
		"refused":        {func(w http.ResponseWriter, r *http.Request) { refuse(w, r) }, browse.ErrRefused, "limit on sign-ins"},
		"no form":        {html("<p>Welcome</p>"), browse.ErrNoForm, "give the address of the sign-in page itself"},
		"no page":        {asset("image/png", "\x89PNG"), browse.ErrNotHTML, "give the address of the page with the sign-in form"},
		"endless":        {endless, browse.ErrTooLarge, "give the address of a smaller page"},
		"broken":         {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "oops", http.StatusBadGateway) }, browse.ErrUnreachable, "look into the portal's own log"},
		"nameless":       {then("<p>Hello</p>"), ErrNoUser, "name one with --page"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.portal)
			t.Cleanup(server.Close)
			sentence(t, server.URL, c.kind, c.says)
		})
	}
}

// TestBehindTheGateAlready: there inspect would learn the gateway.
func TestBehindTheGateAlready(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "sg", Value: "x", Path: "/"})
		fmt.Fprint(w, loginForm)
	}))
	t.Cleanup(server.Close)
	sentence(t, server.URL, ErrInput, "is behind Secondgate already")
}

func refuse(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		http.Error(w, "slow down", http.StatusTooManyRequests)
		return
	}
	html(loginForm)(w, r)
}

// sentence inspects an address in vain.
func sentence(t *testing.T, address string, kind error, says string, customers ...browse.Account) {
	t.Helper()
	if customers == nil {
		customers = []browse.Account{alice, bob}
	}
	report, err := Inspect(t.Context(), Options{URL: address, Customers: customers})
	if report != nil || !errors.Is(err, kind) || !strings.Contains(err.Error(), says) {
		t.Fatalf("%s: error %v, want %v with %q", address, err, kind, says)
	}
	for _, c := range customers {
		if c.Password != "" && strings.Contains(err.Error(), c.Password) {
			t.Errorf("the error tells a password: %v", err)
		}
	}
}

func TestBadAddresses(t *testing.T) {
	for address, says := range map[string]string{
		"portal.example.com":            "has no scheme",
		"portal.example.com:8080/x":     "has no scheme",
		"127.0.0.1:8080":                "has no scheme",
		"":                              "has no scheme",
		"ftp://portal.example.com/":     "no web address",
		"https:///login":                "names no host",
		"https://a:b@portal.example/":   "leave them out",
		"http://127.0.0.1:" + closed(t): "check the address, and that the portal runs",
	} {
		kind := ErrInput
		if strings.Contains(says, "runs") {
			kind = browse.ErrUnreachable
		}
		sentence(t, address, kind, says)
	}
}

// closed returns a port without a listener.
func closed(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	_ = l.Close()
	return port
}

func TestBadCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(html(loginForm))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it logs the handshake that the test aborts
	server.StartTLS()
	t.Cleanup(server.Close)
	sentence(t, server.URL, browse.ErrTLS, "use the address that the certificate is for")
}

func TestBadCustomers(t *testing.T) {
	sentence(t, "http://127.0.0.1:1", ErrInput, "no test customer", browse.Account{User: "alice"})
	sentence(t, "http://127.0.0.1:1", ErrInput, "two different ones", alice, browse.Account{User: " ALICE", Password: "x"})
}

// TestOddPages: endless pages, huge pages and damaged JSON are skipped.
func TestOddPages(t *testing.T) {
	s := &shop{more: map[string]http.HandlerFunc{
		"/profile": func(w http.ResponseWriter, r *http.Request) { html(strings.Repeat("<p>x", 2<<20))(w, r) },
		"/me":      asset("application/json", `{"id":`), "/whoami": asset("application/json", `[[[[[[[[1]]]]]]]]`),
		"/settings": html("<p id='\"'></p><input name='\"]' value=1><input name='{$HOME}' value=alice><b class='a{b'>alice</b>"),
	}}
	r := study(t, s, alice, bob)
	if r.User != "4711" {
		t.Errorf("user %q", r.User)
	}
	r.says(t, "1 pages could not be read")
}

// TestHostileNames: a name from the portal stays within quotes in the Caddyfile, or is left out
// with a note. It never becomes a line.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	const evil = "x\n\ttrust /* {$HOME} `"
	s := &shop{}
	s.more = map[string]http.HandlerFunc{
		"/": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add("Set-Cookie", "{$HOME}=1; Path=/")
			w.Header().Add("Set-Cookie", "*=1; Path=/")
			html(`<a href="/login">Sign in</a><a href="/account">a</a><a href="/profile?x={$HOME}&y=%0A`+"`"+`">b</a><a href="/log/out?{$HOME}">c</a>
<script>document.cookie="{$HOME}=1"; var x = "*"</script><script src="/js/{$HOME}.php"></script>`)(w, r)
		},
		"/login": func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				r.Form, r.PostForm = nil, nil
				_ = r.ParseForm()
				r.PostForm.Set("name", r.PostForm.Get(evil))
				w.Header().Set("Content-Type", "text/html")
				s.login(w, r, s.visit(w, r))
				return
			}
			html(`<form method="post" action="/login?a={$HOME}"><input name="`+evil+`"><input type="password" name="pass"></form>`)(w, r)
		},
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	r, err := Inspect(t.Context(), Options{URL: server.URL + "/", Customers: []browse.Account{alice, bob}})
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(r.Caddyfile) {
		if said := strings.TrimSpace(line); !strings.HasPrefix(said, "#") && (strings.HasPrefix(said, "trust") || strings.Contains(said, "$HOME")) {
			t.Errorf("the portal wrote %q", said)
		}
		if strings.Contains(line, "{$") {
			t.Errorf("Caddy would replace something in %q", line)
		}
	}
	if len(r.Site.Leave) > 0 || len(r.Unlearned) == 0 {
		t.Errorf("%+v, not learned: %q", r.Site, r.Unlearned)
	}
	if t.Failed() {
		t.Log(r.Caddyfile)
	}
}
