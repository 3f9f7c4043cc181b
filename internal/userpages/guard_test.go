package userpages

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// threats.md, section F: changes come from pages of this origin.
func TestAttack_ForeignForms(t *testing.T) {
	w := newWorld(t, nil)
	e := w.browser("alice").enrol()
	for name, c := range map[string]struct {
		header http.Header
		plain  bool
		ok     bool
	}{
		"neither":              {header: http.Header{}},
		"cross-site":           {header: http.Header{"Sec-Fetch-Site": {"cross-site"}}},
		"same-site":            {header: http.Header{"Sec-Fetch-Site": {"same-site"}}},
		"none":                 {header: http.Header{"Sec-Fetch-Site": {"none"}}},
		"both, foreign first":  {header: http.Header{"Sec-Fetch-Site": {"cross-site", "same-origin"}}},
		"cross-site and ours":  {header: http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {origin}}},
		"foreign origin":       {header: http.Header{"Origin": {"https://evil.example"}}},
		"null origin":          {header: http.Header{"Origin": {"null"}}},
		"other scheme":         {header: http.Header{"Origin": {"http://portal.example"}}},
		"other port":           {header: http.Header{"Origin": {origin + ":8443"}}},
		"our name in theirs":   {header: http.Header{"Origin": {"https://portal.example.evil.example"}}},
		"two origins":          {header: http.Header{"Origin": {origin, "https://evil.example"}}},
		"https over http":      {header: http.Header{"Origin": {origin}}, plain: true},
		"same-origin":          {header: http.Header{"Sec-Fetch-Site": {"same-origin"}}, ok: true},
		"our origin":           {header: http.Header{"Origin": {origin}}, ok: true},
		"our origin with port": {header: http.Header{"Origin": {origin + ":443"}}, ok: true},
		"our origin over http": {header: http.Header{"Origin": {"http://portal.example"}}, plain: true, ok: true},
	} {
		t.Run(name, func(t *testing.T) {
			b := w.browser("alice")
			b.plain = c.plain
			r := httptest.NewRequest(http.MethodPost, "/two-factor/challenge", strings.NewReader("code="+e.code()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			b.header = c.header
			status := http.StatusForbidden
			if c.ok {
				status = http.StatusSeeOther
			}
			b.do(r).want(status)
		})
	}
}

func TestForms(t *testing.T) {
	w := newWorld(t, nil)
	w.browser("alice").enrol()
	for name, c := range map[string]struct {
		kind, encoding, body string
		status               int
	}{
		"none":      {"", "", "code=123456", 415},
		"json":      {"application/json", "", `{"code":"123456"}`, 415},
		"multipart": {"multipart/form-data; boundary=x", "", "--x--", 415},
		"text":      {"text/plain", "", "code=123456", 415},
		"gzip":      {"application/x-www-form-urlencoded", "gzip", "code=123456", 415},
		"escape":    {"application/x-www-form-urlencoded", "", "code=%zz", 400},
		"semicolon": {"application/x-www-form-urlencoded", "", "code=1;code=2", 400},
		"charset":   {"application/x-www-form-urlencoded; charset=utf-8", "", "code=123456", 422},
	} {
		r := httptest.NewRequest(http.MethodPost, "/two-factor/challenge?code=999999", strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.kind)
		if c.encoding != "" {
			r.Header.Set("Content-Encoding", c.encoding)
		}
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		t.Run(name, func(*testing.T) { w.browser("alice").do(r).want(c.status) })
	}
}

func TestUnknownPagesAndMethods(t *testing.T) {
	w := newWorld(t, nil)
	alice := w.browser("alice")
	alice.enrol()
	for _, path := range []string{"/x.css", "/setup/x.css", "/setup/", "/challenge.css", "/assets/", "/assets/x.css", "/assets/../setup", "//", "/%00", "/SETUP"} {
		alice.get("/two-factor"+path).want(404, "Page not found").wantNot("alice")
	}
	alice.get("/two-factorial").want(404)
	alice.get("/two-factor").wantTo("/two-factor/")
	for _, method := range []string{"PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"} {
		page := alice.do(httptest.NewRequest(method, "/two-factor/disable", nil)).want(405)
		if allow := page.Header.Get("Allow"); allow != "GET, HEAD, POST" {
			t.Errorf("%s: Allow is %q", method, allow)
		}
	}
	page := alice.post("/two-factor/help").want(405)
	if allow := page.Header.Get("Allow"); allow != "GET, HEAD" {
		t.Errorf("help: Allow is %q", allow)
	}
}

// A service worker of the portal must not take the own pages over.
func TestAttack_ServiceWorker(t *testing.T) {
	w := newWorld(t, nil)
	b := w.browser("alice")
	b.header = http.Header{"Service-Worker": {"script"}}
	for _, path := range []string{"/", "/setup", "/help", w.scriptPath()} {
		b.get("/two-factor"+path).want(403, "Service workers")
	}
}

func (w *world) scriptPath() string {
	page := w.browser("").get("/two-factor/help").body
	_, rest, _ := strings.Cut(page, `<script src="/two-factor`)
	path, _, _ := strings.Cut(rest, `"`)
	return path
}

// ASVS 3.4, 14.3: the headers of every own page.
func TestASVS_3_4_Headers(t *testing.T) {
	w := newWorld(t, nil)
	alice := w.browser("alice")
	e := alice.enrol()
	stranger := w.browser("")
	for name, page := range map[string]answer{
		"settings": alice.get("/two-factor/"), "setup": alice.get("/two-factor/setup"), "challenge": w.browser("alice").get("/two-factor/challenge"),
		"codes": alice.get("/two-factor/backup-codes"), "disable": alice.get("/two-factor/disable"), "help": stranger.get("/two-factor/help"),
		"redirect": stranger.get("/two-factor/challenge"), "unknown": alice.get("/two-factor/x.css"), "health": stranger.get("/two-factor/health"),
		"refused": w.browser("alice").post("/two-factor/challenge", "code", "000000"), "accepted": w.browser("alice").post("/two-factor/challenge", "code", e.code()),
	} {
		for header, want := range map[string]string{
			"Content-Security-Policy":      "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "same-origin",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
			"X-Frame-Options":              "DENY",
			"Cache-Control":                "no-store",
		} {
			if got := page.Header.Get(header); got != want {
				t.Errorf("%s: %s is %q", name, header, got)
			}
		}
		if page.Header.Get("Permissions-Policy") == "" {
			t.Errorf("%s: no Permissions-Policy", name)
		}
	}
}

// The gateway's decision that a code is owed counts, also if there is a clearance.
func TestAttack_ClearanceThatStillOwes(t *testing.T) {
	w := newWorld(t, nil)
	alice := w.browser("alice")
	alice.enrol()
	v := alice.visitor()
	v.Owes = true
	rec := newRecorder()
	w.pages.ServeHTTP(rec, httptest.NewRequest("GET", "/two-factor/", nil), v)
	if rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != "/two-factor/challenge" {
		t.Errorf("status %d, Location %q", rec.Code, rec.Header().Get("Location"))
	}
}
