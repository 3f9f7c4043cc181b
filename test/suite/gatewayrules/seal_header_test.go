package gatewayrules

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestSeal_CredentialHeadersAreStripped unless declared, or under trust.
func TestSeal_CredentialHeadersAreStripped(t *testing.T) {
	p := newProbe()
	h := harness.Start(t, p, harness.LegacyLines+"\ncredential header X-Api-Token\ntrust /hook")
	stripped := []string{
		"Authorization", "Proxy-Authorization", "X-Api-Key", "Api-Key", "X-Auth-Token", "X-Access-Token", "Private-Token",
		"X-Redmine-Api-Key", "X-Switch-User", "X-Http-Method-Override",
	}
	send := func(path string) http.Header {
		t.Helper()
		b := h.Browser()
		r := b.Request(http.MethodGet, path, nil)
		for _, name := range append(stripped, "X-Api-Token") {
			r.Header.Set(name, "Bearer secret")
		}
		r.Header["x-api-key"] = []string{"lower"} // as a client may spell it
		b.Do(r)
		return p.Last(path).Header
	}
	got := send("/x")
	for _, name := range stripped {
		if got[name] != nil {
			t.Errorf("%s reached the portal", name)
		}
		if p.question().Header[name] != nil {
			t.Errorf("%s reached whoami", name)
		}
	}
	if got.Get("X-Api-Token") == "" || p.question().Header.Get("X-Api-Token") == "" {
		t.Error("a declared header did not reach portal and whoami")
	}
	got = send("/hook")
	for _, name := range stripped {
		// Proxy-Authorization ends at the next proxy, which Caddy is.
		if got[name] == nil && name != "Proxy-Authorization" {
			t.Errorf("%s did not reach what is trusted", name)
		}
	}
}

// TestSeal_UnknownHeaderIsACredential: it goes to whoami and into the answer's key.
func TestSeal_UnknownHeaderIsACredential(t *testing.T) {
	p := newProbe()
	p.also = func(w http.ResponseWriter, r *http.Request) bool {
		user := r.Header.Get("X-Sso-User")
		if r.URL.Path != "/me" || user == "" {
			return false
		}
		fmt.Fprintf(w, `{"user":%q}`, user)
		return true
	}
	h := harness.Start(t, p, harness.LegacyLines)
	alice := h.Browser()
	alice.SignIn("alice")
	alice.Enrol()
	b := h.Browser()
	b.Get("/")
	for user, status := range map[string]int{"carol": http.StatusOK, "alice": http.StatusSeeOther, "": http.StatusOK} {
		path := "/page-" + user
		r := b.Request(http.MethodGet, path, nil)
		if user != "" {
			r.Header.Set("X-Sso-User", user)
		}
		if page := b.Do(r); page.Status != status {
			t.Errorf("as %q: %d, want %d", user, page.Status, status)
		}
		if arrived := p.Last(path) != nil; arrived != (status == http.StatusOK) {
			t.Errorf("as %q: forwarded: %v", user, arrived)
		}
	}
}

// TestSeal_HeaderThatHidesFromWhoami: a header that only whoami honours, and that makes it report
// no user or another user, opens nothing that the cookie alone would not.
func TestSeal_HeaderThatHidesFromWhoami(t *testing.T) {
	p := newProbe()
	p.also = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/me" {
			return false
		}
		switch as := r.Header.Get("Treat-As"); as {
		case "":
			return false
		case "nobody":
			w.WriteHeader(http.StatusUnauthorized)
		default:
			fmt.Fprintf(w, `{"user":%q}`, as)
		}
		return true
	}
	h := harness.Start(t, p, harness.LegacyLines)
	alice := h.Browser()
	alice.SignIn("alice")
	device := alice.Enrol()
	thief := h.Browser()
	thief.SignIn("alice")
	for _, as := range []string{"nobody", "carol"} {
		r := thief.Request(http.MethodGet, "/account-"+as, nil)
		r.Header.Set("Treat-As", as)
		if page := thief.Do(r); page.Status == http.StatusOK || p.Last("/account-"+as) != nil {
			t.Errorf("as %s: %d, forwarded: %v", as, page.Status, p.Last("/account-"+as) != nil)
		}
	}
	thief.Pass(device.Code(t))
	r := thief.Request(http.MethodGet, "/cleared", nil)
	r.Header.Set("X-Widget", "1")
	if page := thief.Do(r); page.Status != http.StatusOK {
		t.Errorf("a harmless header of who has passed: %d", page.Status)
	}
}

// TestSeal_OrdinaryHeadersAskNoQuestion: headers that every browser sends are no credentials.
func TestSeal_OrdinaryHeadersAskNoQuestion(t *testing.T) {
	p := newProbe()
	h := harness.Start(t, p, harness.LegacyLines)
	b := h.Browser()
	r := b.Request(http.MethodGet, "/", nil)
	for name, value := range map[string]string{
		"Accept-Encoding": "gzip", "Cache-Control": "no-cache", "Dnt": "1", "Origin": "https://a.example", "Referer": "https://a.example/", "Pragma": "no-cache",
		"Sec-Ch-Ua": `"Chromium";v="130"`, "Sec-Ch-Ua-Mobile": "?0", "Sec-Ch-Ua-Platform": `"Linux"`, "Sec-Ch-Ua-Arch": "x86", "Sec-Fetch-User": "?1", "Sec-Gpc": "1",
		"Upgrade-Insecure-Requests": "1", "X-Requested-With": "XMLHttpRequest", "X-Csrf-Token": "abc", "Priority": "u=0, i", "X-Forwarded-For": "192.0.2.1", "If-None-Match": `"a"`,
	} {
		r.Header.Set(name, value)
	}
	if page := b.Do(r); page.Status != http.StatusOK || p.Asked() != 0 {
		t.Errorf("%d; whoami was asked %d times", page.Status, p.Asked())
	}
}

// TestSeal_PortalGetsNoNewHeader: an unmodified portal sees what it saw before, so no
// client can pretend to be Secondgate.
func TestSeal_PortalGetsNoNewHeader(t *testing.T) {
	p := newProbe()
	h := harness.StartSite(t, p, "two_factor {\n"+harness.LegacyLines+"\n}\nreverse_proxy PORTAL")
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	b.Get("/account")
	with := p.Last("/account").Header
	h.Load("reverse_proxy " + h.PortalURL)
	b.Get("/bare")
	without := p.Last("/bare").Header
	for name := range with {
		if without[name] == nil && name != "Cookie" {
			t.Errorf("the portal gets %s: %q", name, with[name])
		}
	}
	for name := range without {
		if with[name] == nil {
			t.Errorf("the portal does not get %s", name)
		}
	}
}
