package gatewayrules

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/test/kit/harness"
)

func TestSeal_VisitIsMintedByFirstNavigation(t *testing.T) {
	h := harness.Start(t, newProbe(), harness.LegacyLines)
	b := h.Browser()
	if got := cookies(b.Fetch(http.MethodGet, "/api", "", "")); len(got) != 0 {
		t.Errorf("a script's request that sets nothing started a visit: %v", got)
	}
	visit := cookies(b.Get("/"))["sg"]
	if visit == nil || len(visit.Value) < 43 || !visit.HttpOnly || visit.Path != "/" || visit.Domain != "" || visit.MaxAge != 0 {
		t.Fatalf("the visit's cookie: %v", visit)
	}
	if got := b.Get("/again").Header["Set-Cookie"]; len(got) != 0 {
		t.Errorf("the second page set %q", got)
	}
	if other := cookies(h.Browser().Get("/"))["sg"]; other == nil || other.Value == visit.Value {
		t.Errorf("two browsers have one visit: %v", other)
	}
}

// TestSeal_VisitOverHTTPS: every request that carries the portal's session must carry the visit's
// cookie, so that cookie has SameSite=None.
func TestSeal_VisitOverHTTPS(t *testing.T) {
	h := harness.Start(t, newProbe(), harness.LegacyLines)
	visit := cookies(behindTLS(h.Browser()).Get("/"))["__Host-sg"]
	if visit == nil || !visit.Secure || !visit.HttpOnly || visit.Path != "/" || visit.Domain != "" || visit.SameSite != http.SameSiteNoneMode {
		t.Errorf("the visit's cookie: %v", visit)
	}
}

func TestSeal_VisitLivesAsLongAsTheLongestCookie(t *testing.T) {
	h := harness.Start(t, newProbe(), harness.LegacyLines)
	b := h.Browser()
	b.Get("/")
	page := b.Get(setting("/", "a=1; Path=/; Max-Age=60", "b=1; Path=/; Max-Age=86400", "c=1; Path=/"))
	if got := cookies(page)["sg"]; got == nil || got.MaxAge != 86400 {
		t.Errorf("the visit's cookie: %v", got)
	}
	page = b.Get(setting("/", "d=1; Path=/; Max-Age=10"))
	if got := cookies(page)["sg"]; got == nil || got.MaxAge < 86000 {
		t.Errorf("a shorter cookie shortened the visit: %v", got)
	}
}

// TestSeal_CrossSiteRequestNeverMints: the browser may have a visit that it did not
// send with the request.
func TestSeal_CrossSiteRequestNeverMints(t *testing.T) {
	p := newProbe()
	h := harness.Start(t, p, harness.LegacyLines)
	tests := []struct {
		name, method string
		header       map[string]string
		mints        bool
	}{
		{"a frame", "GET", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"}, false},
		{"a form's POST", "POST", map[string]string{"Sec-Fetch-Site": "cross-site"}, false},
		{"a script", "GET", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, false},
		{"an image", "GET", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, false},
		{"a frame of another host of the site", "GET", map[string]string{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "iframe"}, true},
		{"an old browser's POST", "POST", map[string]string{"Sec-Fetch-Site": "", "Sec-Fetch-Mode": "", "Origin": "https://evil.example"}, false},
		{"a sandboxed frame's POST", "POST", map[string]string{"Sec-Fetch-Site": "", "Sec-Fetch-Mode": "", "Origin": "null"}, false},
		{"a link", "GET", map[string]string{"Sec-Fetch-Site": "cross-site"}, true},
		{"the address bar", "GET", map[string]string{"Sec-Fetch-Site": "none"}, true},
	}
	for _, tt := range tests {
		b := h.Browser()
		r := b.Request(tt.method, setting("/", "PHPSESSID=1; Path=/"), nil)
		for name, value := range tt.header {
			r.Header.Set(name, value)
			if value == "" {
				r.Header.Del(name)
			}
		}
		page := b.Do(r)
		if got := cookies(page); (got["sg"] != nil) != tt.mints || (len(sealedNames(page, false)) > 0) != tt.mints {
			t.Errorf("%s set %q", tt.name, page.Header["Set-Cookie"])
		}
	}
}

// enrolled is a browser that waits at the challenge, and its device.
func enrolled(t *testing.T, h *harness.Harness, user string) (*harness.Browser, *harness.Device) {
	t.Helper()
	first := h.Browser()
	first.SignIn(user)
	device := first.Enrol()
	b := h.Browser()
	if page := b.SignIn(user); page.Location != "/two-factor/challenge" {
		t.Fatalf("sign-in of %s: %d %q", user, page.Status, page.Location)
	}
	return b, device
}

func TestSeal_RotationKillsOldToken(t *testing.T) {
	l := &harness.Legacy{}
	h := harness.Start(t, l, harness.LegacyLines)
	b, device := enrolled(t, h, "alice")
	old := b.Clone()
	page := b.Pass(device.Code(t))
	if page.Location != "/account" {
		t.Fatalf("the code: %d %q", page.Status, page.Location)
	}
	was, is := old.Cookies("/"), b.Cookies("/")
	if is["sg"] == was["sg"] || len(sealedHere(b)) != 1 || sealedHere(b)[0] == sealedHere(old)[0] {
		t.Errorf("before: %v\nafter: %v", was, is)
	}
	if next := b.Get("/account"); next.Status != http.StatusOK || len(next.Header["Set-Cookie"]) != 0 {
		t.Errorf("the page after the code: %d, set %q", next.Status, next.Header["Set-Cookie"])
	}

	dead := func(when string) {
		t.Helper()
		arrived := len(l.Requests())
		thief := old.Clone()
		page := thief.Get("/account")
		forwarded := len(l.Requests()) > arrived
		// A challenge would show that a cookie of the visit was opened.
		if page.Location == "/two-factor/challenge" || forwarded && l.Last("/account").Header.Get("Cookie") != "" || strings.Contains(page.Body, harness.SecretOf("alice")) {
			t.Errorf("%s, the token from before the code opens: %d %s", when, page.Status, page.Body)
		}
		both := b.Clone() // the cookie from before the code, together with the fresh token
		for _, name := range sealedHere(both) {
			drop(both, name)
		}
		for _, name := range sealedHere(old) {
			both.SetCookie(name, was[name])
		}
		if page := both.Get("/account"); strings.Contains(page.Body, harness.SecretOf("alice")) {
			t.Errorf("%s, the cookie from before the code opens with the fresh token", when)
		}
	}
	dead("at once")
	t.Cleanup(clock.Move(2 * time.Minute))
	dead("after two minutes")
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	h.Reload() // the store alone remembers
	dead("after a restart")
	t.Cleanup(clock.Move(300 * 24 * time.Hour))
	dead("after 300 days")
}

// TestSeal_RotationMovesEveryCookie: a new token seals all cookies again, also long ones and those
// of other paths, with their attributes.
func TestSeal_RotationMovesEveryCookie(t *testing.T) {
	p := newProbe()
	h := harness.Start(t, p, harness.LegacyLines)
	b, device := enrolled(t, h, "alice")
	long := strings.Repeat("y", 4000)
	b.Get(setting("/login", "unused=1")) // at the challenge nothing is forwarded
	b2 := h.Browser()
	b2.Get(setting("/", "deep=1; Path=/x; SameSite=Strict; Max-Age=86400", "deep=0; Path=/me", "long="+long+"; Path=/"))
	b2.SignIn("alice")
	page := b2.Pass(device.Code(t))
	if page.Status != http.StatusSeeOther {
		t.Fatalf("the code: %d", page.Status)
	}
	got := cookies(page)
	if got["sg"] == nil || got["sg"].MaxAge < 86000 {
		t.Errorf("the visit's cookie: %v", got["sg"])
	}
	strict := 0
	for _, c := range got {
		if c.SameSite == http.SameSiteStrictMode && c.MaxAge > 86000 {
			strict++
		}
	}
	if strict != 1 {
		t.Errorf("%d cookies kept their attributes: %q", strict, page.Header["Set-Cookie"])
	}
	if n := len(sealedNames(page, true)); n != 5 {
		t.Errorf("%d of 5 old cookies deleted", n)
	}
	b2.Get("/x/y")
	if c := p.cookieAt(t, "/x/y"); !strings.HasPrefix(c, "deep=1; ") || !strings.Contains(c, "long="+long) || !strings.Contains(c, "PHPSESSID=") {
		t.Errorf("the portal got %.80s", c)
	}
}

// TestSeal_StragglerIsSentBack: a request in flight while the token was replaced is never
// forwarded as a stranger's.
func TestSeal_StragglerIsSentBack(t *testing.T) {
	l := &harness.Legacy{}
	h := harness.Start(t, l, harness.LegacyLines)
	b, device := enrolled(t, h, "alice")
	old := b.Clone()
	b.Pass(device.Code(t))
	b.Get("/account")
	arrived := len(l.Requests())

	for i := range 2 {
		page := old.Get("/late?x=1")
		if page.Status != http.StatusTemporaryRedirect || page.Location != "/late?x=1" || page.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("straggler %d: %d %q", i, page.Status, page.Location)
		}
	}
	if page := old.Post("/late", url.Values{"a": {"1"}}); page.Status != http.StatusTemporaryRedirect {
		t.Errorf("a form: %d", page.Status)
	}
	script := old.Fetch(http.MethodGet, "/api", "", "")
	if script.Status != http.StatusServiceUnavailable || script.Header.Get("Retry-After") == "" || script.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("a script: %d %v", script.Status, script.Header)
	}
	for _, path := range []string{"/style.css", "/"} {
		if page := old.Get(path); page.Status != http.StatusTemporaryRedirect {
			t.Errorf("%s: %d", path, page.Status)
		}
	}
	for _, p := range []string{"/late", "/api"} {
		if l.Last(p) != nil {
			t.Errorf("%s was forwarded", p)
		}
	}
	if n := len(l.Requests()); n != arrived {
		t.Errorf("%d stragglers were forwarded", n-arrived)
	}

	t.Cleanup(clock.Move(61 * time.Second))
	page := old.Get("/later")
	if page.Status != http.StatusOK || l.Last("/later").Header.Get("Cookie") != "" || cookies(page)["sg"] == nil {
		t.Errorf("after a minute it is a stranger's: %d %q", page.Status, page.Header["Set-Cookie"])
	}
	if n := len(sealedNames(page, true)); n != 1 {
		t.Errorf("its dead cookie stays in the browser: %q", page.Header["Set-Cookie"])
	}
}

// TestSeal_LostToken: the response with the fresh token is lost, for example when a phone's
// connection breaks after it sent the code. A page is redirected to itself twice. Then the browser
// is a stranger that can sign in again, without a redirect loop.
func TestSeal_LostToken(t *testing.T) {
	l := &harness.Legacy{}
	h := harness.Start(t, l, harness.LegacyLines)
	b, device := enrolled(t, h, "alice")
	page, own := b.Clone(), b.Clone()
	b.Pass(device.Code(t))
	for i, want := range []int{http.StatusTemporaryRedirect, http.StatusTemporaryRedirect, http.StatusOK} {
		if got := page.Get("/lost"); got.Status != want {
			t.Errorf("page %d: %d, want %d", i, got.Status, want)
		}
	}
	if last := l.Last("/lost"); last == nil || last.Header.Get("Cookie") != "" {
		t.Errorf("it is not a stranger's: %v", last)
	}
	for i, want := range []int{http.StatusSeeOther, http.StatusSeeOther, http.StatusForbidden} {
		if got := own.Get("/two-factor/backup-codes"); got.Status != want {
			t.Errorf("own page %d: %d, want %d", i, got.Status, want)
		}
	}
}

// TestSeal_CookieOfAnotherVisitDoesNotOpen: a sealed cookie of another visit or under another name
// is not opened, and is deleted from the browser.
func TestSeal_CookieOfAnotherVisitDoesNotOpen(t *testing.T) {
	p := newProbe()
	h := harness.Start(t, p, harness.LegacyLines)
	victim, thief := h.Browser(), h.Browser()
	victim.SignIn("alice")
	mine := sealedNames(thief.Get(setting("/", "PHPSESSID=none; Path=/")), false)[0]
	theirs := sealedHere(victim)[0]
	value := victim.Cookies("/")[theirs]
	for _, name := range []string{theirs, mine} {
		b := thief.Clone()
		b.SetCookie(name, value)
		page := b.Get("/" + name)
		if got := p.cookieAt(t, "/"+name); strings.Contains(got, p.Last("/"+name).Host) || strings.Contains(page.Body, harness.SecretOf("alice")) {
			t.Errorf("under %s it opened: %q", name, got)
		}
		if got := cookies(page)[name]; got == nil || got.MaxAge >= 0 {
			t.Errorf("under %s it stays in the browser: %q", name, page.Header["Set-Cookie"])
		}
	}
	b := thief.Clone()
	b.SetCookie(mine, strings.ToUpper(thief.Cookies("/")[mine]))
	b.Get("/tampered")
	if got := p.cookieAt(t, "/tampered"); got != "" {
		t.Errorf("a changed value opened: %q", got)
	}
}

// TestSeal_ManyVisitsAreNoVisit: a request with two visit tokens has no visit, because the gateway
// can't tell the right one.
func TestSeal_ManyVisitsAreNoVisit(t *testing.T) {
	p := newProbe()
	h := harness.Start(t, p, harness.LegacyLines)
	b := h.Browser()
	b.SignIn("alice")
	var mine []string
	for name, value := range b.Cookies("/") {
		mine = append(mine, name+"="+value)
	}
	other := "sg=" + cookies(h.Browser().Get("/"))["sg"].Value
	b.Client.Jar = nil
	for _, header := range [][]string{append(mine, other), append([]string{other}, mine...)} {
		r := b.Request(http.MethodGet, "/account", nil)
		r.Header.Set("Cookie", strings.Join(header, "; "))
		if page := b.Do(r); strings.Contains(page.Body, harness.SecretOf("alice")) {
			t.Error("one of two visits was believed")
		}
	}
}
