package browse_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/onboard/browse"
)

func portal(t *testing.T) string {
	return serve(t, map[string]http.HandlerFunc{"GET /": home, "GET /login": loginPage, "POST /login": account})
}

func TestSignsInFromTheFrontPage(t *testing.T) {
	b := browser(browse.Options{})
	e, err := b.SignIn(t.Context(), portal(t)+"/", alice)
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Page.Doc().Find("#who").Text(); got != "alice" || e.Page.URL.Path != "/home" {
		t.Errorf("signed in as %q at %s", got, e.Page.URL)
	}
	if e.User != "login" || e.Password != "pass" || e.Login.URL.Path != "/login" {
		t.Errorf("entry %+v", e)
	}
	if got := names(b.Cookies()); !slices.Equal(got, []string{"session", "who"}) {
		t.Errorf("cookies %v", got)
	}
}

// TestSettingsAreNoCode: the page behind a sign-in may have fields of all sorts;
// NumFavoriteTables is one of phpMyAdmin's.
func TestSettingsAreNoCode(t *testing.T) {
	for field, asks := range map[string]bool{"NumFavoriteTables": false, "mfa": true, "login_mfa": true, "userMfaCode": true, "TFA": true} {
		pages := map[string]http.HandlerFunc{"GET /": page(form("")), "POST /login": page(`<p>Welcome</p><form><input name=` + field + `></form>`)}
		_, err := browser(browse.Options{}).SignIn(t.Context(), serve(t, pages)+"/", alice)
		if errors.Is(err, browse.ErrSecondFactor) != asks {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func names(cookies []browse.Cookie) (all []string) {
	for _, c := range cookies {
		all = append(all, c.Name)
	}
	return all
}

// TestSaysWhatStoodInTheWay: each unusable portal leads to an error of the right kind, with the
// page and a next step, and without the password or a query.
func TestSaysWhatStoodInTheWay(t *testing.T) {
	post := func(body string) map[string]http.HandlerFunc {
		return map[string]http.HandlerFunc{"GET /": page(form("")), "POST /login": page(body)}
	}
	get := func(h http.HandlerFunc) map[string]http.HandlerFunc { return map[string]http.HandlerFunc{"/": h} }
	status := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(n) }
	}
	for name, c := range map[string]struct {
		pages map[string]http.HandlerFunc
		kind  error
		says  string
	}{
		"wrong password":      {map[string]http.HandlerFunc{"GET /": loginPage, "POST /login": page(form("s1"))}, browse.ErrStillForm, "user name and password"},
		"captcha":             {get(page(`<form method=post><input name=user><input type=password name=p><div class="g-recaptcha" data-sitekey=x></div></form>`)), browse.ErrCaptcha, "without it"},
		"captcha afterwards":  {post(`<form action="/login" method=post><input name=login><input type=password name=pass><img src="/captcha.php"><input name=captcha></form>`), browse.ErrCaptcha, "too many"},
		"captcha and no form": {get(page(`<div class="cf-turnstile" data-sitekey=x></div>`)), browse.ErrCaptcha, "no sign-in form"},
		"code":                {post(`<form method=post><input type=hidden name=user value=alice><input name=totp_code autocomplete=off></form>`), browse.ErrSecondFactor, "totp_code"},
		"code by its kind":    {post(`<form method=post><input type=tel name=n autocomplete=one-time-code></form>`), browse.ErrSecondFactor, "switch the portal's own"},
		"no form":             {get(page(`<p>Hello</p>`)), browse.ErrNoForm, "sign-in page itself"},
		"registration only":   {get(page(`<form method=post><input name=user><input type=password name=a><input type=password name=b></form>`)), browse.ErrNoForm, "one password field"},
		"not HTML":            {get(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "application/pdf") }), browse.ErrNotHTML, "application/pdf"},
		"server error":        {get(status(502)), browse.ErrUnreachable, "502"},
		"refused":             {map[string]http.HandlerFunc{"GET /": page(form("")), "POST /login": status(429)}, browse.ErrRefused, "429"},
		"redirect loop": {get(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/again?token=secret", http.StatusFound)
		}), browse.ErrRedirects, "more than 10 redirects"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := browser(browse.Options{}).SignIn(t.Context(), serve(t, c.pages)+"/?token=secret", alice)
			if !errors.Is(err, c.kind) {
				t.Fatalf("error %v, want %v", err, c.kind)
			}
			if text := err.Error(); !strings.Contains(text, c.says) || !strings.Contains(text, "http://127.0.0.1") || strings.Contains(text, "secret") || strings.Contains(text, alice.Password) {
				t.Errorf("error says %q", text)
			}
		})
	}
}

func TestAnEndlessPageEnds(t *testing.T) {
	endless := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}
	_, err := browser(browse.Options{}).Get(t.Context(), serve(t, map[string]http.HandlerFunc{"/": endless}))
	if !errors.Is(err, browse.ErrTooLarge) || !strings.Contains(err.Error(), "5242880") {
		t.Errorf("error %v", err)
	}
	dripping := func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	_, err = browser(browse.Options{Timeout: 200 * time.Millisecond}).Get(t.Context(), serve(t, map[string]http.HandlerFunc{"/": dripping}))
	if !errors.Is(err, browse.ErrTooLarge) || !strings.Contains(err.Error(), "did not end") {
		t.Errorf("error %v", err)
	}
}

func TestConnectionErrors(t *testing.T) {
	s := httptest.NewTLSServer(page("hello"))
	s.Config.ErrorLog = nil
	t.Cleanup(s.Close)
	_, err := browser(browse.Options{}).Get(t.Context(), s.URL+"/?token=secret")
	if !errors.Is(err, browse.ErrTLS) || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("unknown certificate: %v", err)
	}
	plain := serve(t, map[string]http.HandlerFunc{"/": page("hello")})
	if _, err = browser(browse.Options{}).Get(t.Context(), strings.Replace(plain, "http", "https", 1)); !errors.Is(err, browse.ErrTLS) && !errors.Is(err, browse.ErrUnreachable) {
		t.Errorf("TLS to a plain port: %v", err)
	}
	s.Close()
	if _, err = browser(browse.Options{}).Get(t.Context(), s.URL+"/?token=secret"); !errors.Is(err, browse.ErrUnreachable) || strings.Contains(err.Error(), "secret") {
		t.Errorf("closed port: %v", err)
	}
	for _, address := range []string{"", "portal.example.com", "ftp://portal", "http://", "::"} {
		if _, err := browser(browse.Options{}).Get(t.Context(), address); !errors.Is(err, browse.ErrUnreachable) || !strings.Contains(err.Error(), "https://") {
			t.Errorf("%q: %v", address, err)
		}
	}
}
