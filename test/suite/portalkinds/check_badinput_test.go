package portalkinds

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestNoRehearsalSaysWhy: without a dry run the command exits with status 2 and prints the reason
// and the next step.
func TestNoRehearsalSaysWhy(t *testing.T) {
	t.Parallel()
	s := new(shop)
	address := s.start(t)
	good := fmt.Sprintf(site, shopLines+shopSignIn, address)
	at := func(h http.HandlerFunc) string {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		return fmt.Sprintf(site, shopLines+shopSignIn, strings.TrimPrefix(server.URL, "http://"))
	}
	of := func(s *shop) string { return fmt.Sprintf(site, shopLines+shopSignIn, s.start(t)) }
	tls := httptest.NewTLSServer(s)
	t.Cleanup(tls.Close)
	huge := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}
	other := strings.ReplaceAll(good, "https://portal.example.com", "http://other.example.com:8099")
	for name, c := range map[string]struct {
		caddyfile string
		input     []string
		flags     []string
		says      []string
	}{
		"no two_factor":       {"portal.example.com {\nreverse_proxy " + address + "\n}\n", adaAndBen, nil, []string{"no site of this configuration has two_factor", "before its reverse_proxy"}},
		"several sites":       {good + strings.Replace(other, "two_factor {", "two_factor {\nrealm other", 1), adaAndBen, nil, []string{"portal.example.com", "other.example.com", "--site"}},
		"another site":        {good, adaAndBen, []string{"--site", "shop.example.com"}, []string{`"shop.example.com"`, "portal.example.com"}},
		"two gates in a site": {strings.Replace(good, "reverse_proxy", "handle /x {\ntwo_factor {\nportal wordpress\nrealm x\n}\n}\nreverse_proxy", 1), adaAndBen, nil, []string{"2 two_factor blocks", "one of them at a time"}},
		"many names":          {strings.Replace(good, "portal.example.com", "*.example.com", 1), adaAndBen, nil, []string{"*.example.com", "--site portal.example.com"}},
		"not a Caddyfile":     {"portal.example.com {\ntwo_factor {\n", adaAndBen, nil, []string{"is not right yet"}},
		"wrong settings":      {strings.Replace(good, "anonymous", "anonimous", 1), adaAndBen, nil, []string{"anonimous", "Caddyfile:4"}},
		"unknown adapter":     {good, adaAndBen, []string{"--adapter", "yaml"}, []string{`"yaml"`}},
		"JSON that is none":   {good, adaAndBen, []string{"--adapter", "", "--config", "/dev/null.json"}, []string{"can't be read", "--config"}},
		"behind another":      {"http://portal.example.com {\ntwo_factor {\nuser {http.auth.user.id}\n}\nreverse_proxy " + address + "\n}\n", adaAndBen, nil, []string{"takes its users from another authenticator"}},
		"nobody to sign in":   {good, nil, nil, []string{"no test customer", "standard input"}},
		"no password":         {good, []string{"ada", ""}, nil, []string{`no password for the test customer "ada"`}},
		"wrong password":      {good, []string{"ada", "not the password"}, nil, []string{"did not take user name and password", "in a browser"}},
		"second one wrong":    {good, []string{"ada", "long password of ada", "ben", "not the password"}, nil, []string{"signing in as ben", "did not take"}},
		"captcha":             {of(&shop{form: `<div class="g-recaptcha" data-sitekey=x></div>`}), adaAndBen, nil, []string{"captcha", "sign in without it"}},
		"a code of its own":   {of(&shop{after: `<form method=post action=/code><input name=otp autocomplete=one-time-code></form>`}), adaAndBen, nil, []string{"already asks for a second factor", "switch the portal's own second factor off"}},
		"always a stranger":   {of(&shop{after: `<p>Something happened</p>`, forget: true}), adaAndBen, nil, []string{"those of a stranger"}},
		"no form":             {at(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<p>hello</p>") }), adaAndBen, nil, []string{"no sign-in form", "sign_in { page"}},
		"no page":             {at(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "application/pdf") }), adaAndBen, nil, []string{"no web page", "application/pdf"}},
		"endless page":        {at(huge), adaAndBen, nil, []string{"too large", "5242880 bytes"}},
		"redirect loop":       {at(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login?again", http.StatusFound) }), adaAndBen, nil, []string{"redirects without end", "HTTPS"}},
		"signs in elsewhere": {at(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://id.example.com/", http.StatusFound)
		}), adaAndBen, nil, []string{"leads to id.example.com, which is not the site"}},
		"unreachable":     {fmt.Sprintf(site, shopLines+shopSignIn, "127.0.0.1:1"), adaAndBen, nil, []string{"502", "connection refused"}},
		"bad certificate": {fmt.Sprintf(site, shopLines+shopSignIn, strings.Replace(tls.URL, "127.0.0.1", "localhost", 1)), adaAndBen, nil, []string{"502", "certificate"}},
		"fails":           {at(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }), adaAndBen, nil, []string{"500", "portal's own log"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := check(t, c.caddyfile, c.input, c.flags...)
			if r.status != 2 || r.out != "" || !strings.HasPrefix(r.err, "There was no rehearsal: ") || strings.Count(r.err, "\n") != 1 {
				t.Errorf("status %d\n%s%s", r.status, r.out, r.err)
			}
			for _, part := range c.says {
				if !strings.Contains(r.err, part) {
					t.Errorf("%q is not in %q", part, r.err)
				}
			}
		})
	}
}

func TestTheSiteIsPicked(t *testing.T) {
	t.Parallel()
	good := fmt.Sprintf(site, shopLines+shopSignIn, new(shop).start(t))
	other := strings.Replace(strings.Replace(good, "https://portal.example.com", "http://*.example.net:8099", 1), "two_factor {", "two_factor {\nrealm other", 1)
	for _, host := range []string{"portal.example.com", "shop.example.net", "shop.example.net:8099"} {
		check(t, good+other, adaAndBen, "--site", host).allOK(t)
	}
}

func TestWithOneCustomer(t *testing.T) {
	t.Parallel()
	r := check(t, fmt.Sprintf(site, shopLines+shopSignIn, new(shop).start(t)), adaAndBen[:2])
	if row := rowOf(r.out, "second customer"); r.status != 0 || !strings.HasPrefix(row, "not tried") || !strings.Contains(row, "give a second test customer") {
		t.Errorf("status %d\n%s%s", r.status, r.out, r.err)
	}
}
