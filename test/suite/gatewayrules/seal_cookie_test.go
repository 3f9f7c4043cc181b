package gatewayrules

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

func TestSeal_EveryCookieLeavesSealed(t *testing.T) {
	p := newProbe()
	h := harness.Start(t, p, harness.LegacyLines)
	b := h.Browser()
	page := b.Get(setting("/shop", "PHPSESSID=plain-session; Path=/", "cart=plain-apples; Path=/shop; Domain=127.0.0.1", "cart=plain-pears; Path=/me"))
	if n := len(sealedNames(page, false)); n != 3 {
		t.Fatalf("%d sealed cookies in %q", n, page.Header["Set-Cookie"])
	}
	for _, line := range page.Header["Set-Cookie"] {
		for _, plain := range []string{"PHPSESSID", "plain-", "cart", "Domain", "/shop"} {
			if strings.Contains(line, plain) {
				t.Errorf("%q is told to the browser: %s", plain, line)
			}
		}
		for _, attribute := range []string{"; Path=/", "; HttpOnly"} {
			if !strings.Contains(line, attribute) {
				t.Errorf("no %q in %s", attribute, line)
			}
		}
	}
	b.Get("/shop/x")
	if got := p.cookieAt(t, "/shop/x"); got != "cart=plain-apples; PHPSESSID=plain-session" {
		t.Errorf("the portal got %q", got)
	}
}

// TestSeal_AttributesAreMapped: the sealed cookie has the attributes of the portal's cookie, and
// no others of them.
func TestSeal_AttributesAreMapped(t *testing.T) {
	expires := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	tests := []struct {
		attributes string
		secure     bool
		want       []string
		not        []string
	}{
		{"; Path=/", false, nil, []string{"SameSite", "Secure", "Max-Age", "Expires", "__Host-"}},
		{"; Path=/; SameSite=Lax", false, []string{"; SameSite=Lax"}, nil},
		{"; Path=/; SameSite=Strict", false, []string{"; SameSite=Strict"}, nil},
		{"; Path=/; Max-Age=3600", false, []string{"; Max-Age=3600"}, nil},
		{"; Path=/; Expires=" + expires, false, []string{"; Max-Age=3"}, nil},
		{"; Path=/; Max-Age=99999999", false, []string{"; Max-Age=34560000"}, nil},
		{"; Path=/", true, []string{"__Host-sg-", "; Secure", "; Path=/"}, []string{"SameSite", "Domain"}},
		{"; Path=/; SameSite=None; Secure", true, []string{"; SameSite=None", "; Secure"}, nil},
		{"; Path=/admin; Domain=127.0.0.1; SameSite=Lax", true, []string{"; Path=/;", "; SameSite=Lax"}, []string{"Domain", "/admin"}},
	}
	h := harness.Start(t, newProbe(), harness.LegacyLines)
	for _, tt := range tests {
		b := h.Browser()
		if tt.secure {
			behindTLS(b)
		}
		page := b.Get(setting("/", "a=1"+tt.attributes))
		i := slices.IndexFunc(page.Header["Set-Cookie"], func(line string) bool { return strings.Contains(line, "sg-") })
		if i < 0 {
			t.Errorf("%s: no sealed cookie in %q", tt.attributes, page.Header["Set-Cookie"])
			continue
		}
		line := page.Header["Set-Cookie"][i] + ";"
		for _, want := range tt.want {
			if !strings.Contains(line, want) {
				t.Errorf("%s: no %q in %s", tt.attributes, want, line)
			}
		}
		for _, not := range tt.not {
			if strings.Contains(line, not) {
				t.Errorf("%s: %q in %s", tt.attributes, not, line)
			}
		}
	}
}

// TestSeal_OnlyATrustedProxySaysHTTPS: the header has no effect unless a trusted proxy sends it.
func TestSeal_OnlyATrustedProxySaysHTTPS(t *testing.T) {
	h := harness.Start(t, newProbe(), harness.LegacyLines)
	b := h.Browser()
	b.Header.Set("X-Forwarded-Proto", "https")
	if got := cookies(b.Get("/")); got["sg"] == nil || got["__Host-sg"] != nil {
		t.Errorf("believed a stranger's X-Forwarded-Proto: %v", got)
	}
}

func TestSeal_DeletionsAreMapped(t *testing.T) {
	for _, how := range []string{"; Max-Age=0", "; Max-Age=-1", "; Expires=Thu, 01 Jan 1970 00:00:00 GMT"} {
		t.Run(how, func(t *testing.T) {
			p := newProbe()
			h := harness.Start(t, p, harness.LegacyLines)
			b := h.Browser()
			b.Get(setting("/", "a=1; Path=/", "a=2; Path=/x", "a=3; Path=/me", "b=3; Path=/"))
			page := b.Get(setting("/", "a=; Path=/"+how))
			if n := len(sealedNames(page, true)); n != 1 {
				t.Errorf("%d cookies deleted: %q", n, page.Header["Set-Cookie"])
			}
			b.Get("/x")
			if got := p.cookieAt(t, "/x"); got != "a=2; b=3" {
				t.Errorf("after the deletion the portal got %q", got)
			}
			if n := len(sealedHere(b)); n != 3 {
				t.Errorf("the browser holds %d sealed cookies", n)
			}
		})
	}
}

// TestSeal_LongValuesAreSplit: browsers take 4,096 bytes, and sealing makes longer.
func TestSeal_LongValuesAreSplit(t *testing.T) {
	p := newProbe()
	h := harness.Start(t, p, harness.LegacyLines)
	b := h.Browser()
	long := strings.Repeat("x", 4000)
	page := b.Get(setting("/", "a="+long+"; Path=/"))
	pieces := sealedNames(page, false)
	if len(pieces) != 2 {
		t.Fatalf("%d pieces", len(pieces))
	}
	for _, line := range page.Header["Set-Cookie"] {
		if pair, _, _ := strings.Cut(line, ";"); len(pair) > 4096 {
			t.Errorf("a piece of %d bytes", len(pair))
		}
	}
	b.Get("/x")
	if got := p.cookieAt(t, "/x"); got != "a="+long {
		t.Errorf("the portal got %d bytes: %.20s", len(got), got)
	}
	torn := b.Clone()
	drop(torn, pieces[1])
	torn.Get("/torn")
	if got := p.cookieAt(t, "/torn"); got != "" {
		t.Errorf("half a cookie opened: %.20s", got)
	}
	page = b.Get(setting("/", "a=short; Path=/"))
	if got := sealedNames(page, true); !slices.Equal(got, pieces[1:]) {
		t.Errorf("of %q, %q were deleted when the value became short", pieces, got)
	}
	b.Get("/y")
	if got := p.cookieAt(t, "/y"); got != "a=short" || len(sealedHere(b)) != 1 {
		t.Errorf("the portal got %q; the browser holds %q", got, sealedHere(b))
	}
}

// TestSeal_RebuildsTheHeaderAsABrowserWould: matching paths only, the longest first.
func TestSeal_RebuildsTheHeaderAsABrowserWould(t *testing.T) {
	p := newProbe()
	h := harness.Start(t, p, harness.LegacyLines)
	b := h.Browser()
	b.Get(setting("/", "root=1; Path=/", "a=/; Path=/", "a=/admin; Path=/admin", "deep=1; Path=/admin/x", "deep=0; Path=/me"))
	b.Get(setting("/blog/post", "default=1", "slash=1; Path=/blog/", "default=0; Path=/me", "slash=0; Path=/me"))
	for path, want := range map[string]string{
		"/":              "root=1; a=/",
		"/admin":         "a=/admin; root=1; a=/",
		"/admin/":        "a=/admin; root=1; a=/",
		"/admin/x/y":     "deep=1; a=/admin; root=1; a=/",
		"/administrator": "root=1; a=/",
		"/Admin":         "root=1; a=/",
		"/blog":          "default=1; root=1; a=/",
		"/blog/other":    "slash=1; default=1; root=1; a=/",
	} {
		b.Get(path)
		if got := p.cookieAt(t, path); got != want {
			t.Errorf("for %s the portal got %q, want %q", path, got, want)
		}
	}
}

// TestSeal_WhoamiGetsCookiesOfOtherPaths: every sealed cookie arrives on every path,
// so whoami is asked with those that a browser would have kept from this page.
func TestSeal_WhoamiGetsCookiesOfOtherPaths(t *testing.T) {
	p := newProbe()
	p.Scoped = true
	h := harness.Start(t, p, harness.LegacyLines)
	b := h.Browser()
	b.SignIn("alice")
	if page := b.Get("/account"); !strings.Contains(page.Body, harness.SecretOf("alice")) {
		t.Fatalf("signed in, but: %d %s", page.Status, page.Body)
	}
	if got := p.cookieAt(t, "/account"); strings.Contains(got, "admin=") {
		t.Errorf("the cookie of /me was sent to /account: %q", got)
	}
	if got := p.question().Header.Get("Cookie"); !strings.Contains(got, "admin=") || !strings.Contains(got, "PHPSESSID=") {
		t.Errorf("whoami was asked with %q", got)
	}
	b.Enrol()
	if page := b.Get("/account"); page.Status != http.StatusOK {
		t.Errorf("after the set-up: %d", page.Status)
	}
}
