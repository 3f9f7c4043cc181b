package attack

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// ownPages are all own pages, and an address without one.
var ownPages = []string{"/", "/setup", "/challenge", "/challenge?use=backup", "/backup-codes", "/disable", "/help", "/health", "/x.css", "/setup/x.css", "/assets/x.js"}

// owners are those who may ask for an own page.
func owners(t *testing.T, h *harness.Harness) map[string]*harness.Browser {
	t.Helper()
	alice := enrolled(h, "alice")
	debtor, carol := h.Browser(), h.Browser()
	debtor.SignIn("alice")
	carol.SignIn("carol")
	return map[string]*harness.Browser{"stranger": h.Browser(), "owing": debtor, "without": carol, "cleared": cleared(t, h, "alice", alice)}
}

// TestASVS_3_4_HeadersOfOwnPages: the security headers of every own page behind the whole gateway,
// for every kind of client and every result.
func TestASVS_3_4_HeadersOfOwnPages(t *testing.T) {
	h := legacyHarness(t, "")
	for who, b := range owners(t, h) {
		for _, path := range ownPages {
			for _, p := range []*harness.Page{b.Get("/two-factor" + path), b.Do(b.Request(http.MethodHead, "/two-factor"+path, nil)), b.Post("/two-factor"+path, url.Values{"code": {"x"}})} {
				checkHeaders(t, who+" at "+path, p)
			}
		}
	}
}

var unsafeSource = regexp.MustCompile(`unsafe-|data:|\*|https?:`)

func checkHeaders(t *testing.T, name string, p *harness.Page) {
	t.Helper()
	csp := p.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("%s: %d: no %s in %q", name, p.Status, want, csp)
		}
	}
	if unsafeSource.MatchString(csp) {
		t.Errorf("%s: %q", name, csp)
	}
	for header, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-store",
	} {
		if got := p.Header.Get(header); got != want {
			t.Errorf("%s: %d: %s is %q", name, p.Status, header, got)
		}
	}
}

// TestASVS_14_3_NoSuchOwnPage: an unknown own page is a 404 without user data, so that no cache
// takes a page for an asset. The portal never answers it.
func TestASVS_14_3_NoSuchOwnPage(t *testing.T) {
	portal := &harness.Legacy{}
	h := harness.Start(t, portal, harness.LegacyLines)
	for who, b := range owners(t, h) {
		for _, path := range []string{"/x.css", "/setup/x.css", "/challenge.css", "/challenge/x.js", "/assets/", "/assets/x.css", "/%00", "/SETUP", "/..%2faccount"} {
			before := len(portal.Requests())
			p := b.Get("/two-factor" + path)
			if p.Status != http.StatusNotFound && p.Status != http.StatusBadRequest || strings.Contains(p.Body, "alice") {
				t.Errorf("%s at %s: %d %.200s", who, path, p.Status, p.Body)
			}
			if len(portal.Requests()) != before {
				t.Errorf("%s at %s: the portal was asked", who, path)
			}
		}
	}
}

// TestAttack_ServiceWorkerOfThePortal: no own page is the script of a service worker.
func TestAttack_ServiceWorkerOfThePortal(t *testing.T) {
	h := legacyHarness(t, "")
	script := regexp.MustCompile(`src="/two-factor(/assets/[^"]+\.js)"`).FindStringSubmatch(h.Browser().Get("/two-factor/help").Body)
	if script == nil {
		t.Fatal("no script on the pages")
	}
	for who, b := range owners(t, h) {
		for _, path := range append([]string{script[1]}, ownPages...) {
			r := b.Request(http.MethodGet, "/two-factor"+path, nil)
			r.Header.Set("Service-Worker", "script")
			if p := b.Do(r); p.Status != http.StatusForbidden {
				t.Errorf("%s at %s: %d", who, path, p.Status)
			}
		}
	}
	if p := h.Browser().Get("/two-factor" + script[1]); p.Status != http.StatusOK || p.Header.Get("Service-Worker-Allowed") != "" {
		t.Errorf("the script itself: %d %v", p.Status, p.Header)
	}
}

// TestAttack_ForeignFormsAtEveryPage: section F and ASVS 3.5. A form of another origin
// is refused at every own page before anything else, and no GET changes anything.
func TestAttack_ForeignFormsAtEveryPage(t *testing.T) {
	h := legacyHarness(t, unthrottled)
	alice := enrolled(h, "alice")
	b := cleared(t, h, "alice", alice)
	code := alice.Code(t)
	for _, path := range []string{"/", "/setup", "/challenge", "/backup-codes", "/disable"} {
		for name, header := range map[string]http.Header{
			"cross-site": {"Sec-Fetch-Site": {"cross-site"}, "Origin": {h.URL}}, "same-site": {"Sec-Fetch-Site": {"same-site"}},
			"null": {"Origin": {"null"}}, "foreign": {"Origin": {"https://evil.example"}}, "neither": {},
		} {
			r := b.Request(http.MethodPost, "/two-factor"+path, strings.NewReader("code="+code+"&action=generate"))
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for k, v := range header {
				r.Header[k] = v
			}
			if p := b.Do(r); p.Status != http.StatusForbidden {
				t.Errorf("%s at %s: %d", name, path, p.Status)
			}
		}
		b.Get("/two-factor" + path + "?code=" + code + "&action=sign-out&current=" + code)
	}
	if !shown(b, "alice") {
		t.Error("the session is over")
	}
	other := h.Browser()
	other.SignIn("alice")
	if other.Pass(code); !shown(other, "alice") {
		t.Error("the code was spent by a foreign form or a GET")
	}
}

// TestCodeFieldsForPasswordManagers: a field for a code is marked as a one-time code and not as a
// password.
func TestCodeFieldsForPasswordManagers(t *testing.T) {
	h := legacyHarness(t, "")
	all := owners(t, h)
	for _, body := range []string{
		all["owing"].Get("/two-factor/challenge").Body, all["without"].Get("/two-factor/setup").Body, all["cleared"].Get("/two-factor/disable").Body,
	} {
		field := regexp.MustCompile(`<input[^>]*name="code"[^>]*>`).FindString(body)
		if !strings.Contains(field, `autocomplete="one-time-code"`) || strings.Contains(body, `type="password"`) {
			t.Errorf("the field is %q", field)
		}
	}
}
