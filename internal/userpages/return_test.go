package userpages

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

// TestReturnFromHere: only a script of this site sets the return address, and the address is
// always on this site.
func TestReturnFromHere(t *testing.T) {
	w := newWorld(t, nil)
	e := w.browser("alice").enrol()
	here := http.Header{"Sec-Fetch-Site": {"same-origin"}}
	for _, c := range []struct {
		name, target, want string
		header             http.Header
	}{
		{"from here", "/invoices?a=b#c", "/invoices?a=b#c", here},
		{"by Referer", "/invoices", "/invoices", http.Header{"Referer": {origin + "/x"}}},
		{"a link elsewhere", "/invoices", "/", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Referer": {origin + "/x"}}},
		{"another host of the site", "/invoices", "/", http.Header{"Sec-Fetch-Site": {"same-site"}}},
		{"typed", "/invoices", "/", http.Header{"Sec-Fetch-Site": {"none"}}},
		{"twice", "/invoices", "/", http.Header{"Sec-Fetch-Site": {"same-origin", "same-origin"}}},
		{"an old browser, a link elsewhere", "/invoices", "/", http.Header{"Referer": {"https://attacker.example/"}}},
		{"an old browser that says nothing", "/invoices", "/", nil},
		{"another origin's Referer", "/invoices", "/", http.Header{"Referer": {"http://portal.example/"}}},
		{"to elsewhere", "//attacker.example/", "/", here},
		{"to elsewhere, masked", `/\attacker.example`, "/", here},
		{"a script", "javascript:alert(1)", "/", here},
	} {
		b := w.browser("alice")
		r := httptest.NewRequest(http.MethodGet, "/two-factor/challenge?return="+url.QueryEscape(c.target), nil)
		for name, values := range c.header {
			r.Header[name] = values
		}
		b.do(r).wantTo("/two-factor/challenge")
		got := b.post("/two-factor/challenge", "code", e.code())
		if to := got.Header.Get("Location"); to != c.want {
			t.Errorf("%s: leads to %q, want %q", c.name, to, c.want)
		}
	}
}

// TestReturnNobody: without a signed-in user no return address is remembered.
func TestReturnNobody(t *testing.T) {
	b := newWorld(t, nil).browser("")
	b.header.Set("Sec-Fetch-Site", "same-origin")
	b.get("/two-factor/challenge?return=%2Finvoices").wantTo("/")
	if len(b.cookies) != 0 {
		t.Errorf("cookies %v", b.cookies)
	}
}

// TestAssistAsset: the script that others include keeps its name, so it is not kept
// without asking.
func TestAssistAsset(t *testing.T) {
	got := newWorld(t, nil).browser("").get("/two-factor/assets/assist.js")
	h := got.Header
	if got.StatusCode != http.StatusOK || h.Get("Cache-Control") != "no-cache" || h.Get("ETag") == "" ||
		h.Get("Content-Type") != "text/javascript; charset=utf-8" || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %v", got.StatusCode, h)
	}
}
