//go:build portals

package attack

import (
	"bytes"
	"fmt"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// door is a way to sign in to the PHP portal as bob.
type door struct {
	method, target, contentType, body string
}

// rareDoors are sign-ins that a gateway which reads forms and paths takes for something
// else (threats.md, section B). TOKEN is a one-time link's.
func rareDoors() map[string]door {
	const form = "application/x-www-form-urlencoded"
	var parts bytes.Buffer
	m := multipart.NewWriter(&parts)
	_ = m.WriteField("user", "bob")
	_ = m.WriteField("password", "pw-bob")
	_ = m.Close()
	fields := "user=bob&password=pw-bob"
	return map[string]door{
		"form":               {"POST", "/in.php", form, fields},
		"slash behind":       {"POST", "/in.php/", form, fields},
		"path info":          {"POST", "/in.php/x", form, fields},
		"path info as asset": {"POST", "/in.php/x.css", form, fields},
		"query of a POST":    {"POST", "/in.php?" + fields, form, ""},
		"query of a GET":     {"GET", "/in.php?" + fields, "", ""},
		"query, as an asset": {"GET", "/in.php/x.css?" + fields, "", ""},
		"query of a PUT":     {"PUT", "/in.php?" + fields, "", ""},
		"query, escaped":     {"GET", "/in.php?us%65r=bob&%70assword=pw-bob", "", ""},
		"multipart":          {"POST", "/in.php", m.FormDataContentType(), parts.String()},
		"odd type":           {"POST", "/in.php", "Application/X-WWW-Form-URLencoded ; charset=ibm037", fields},
		"JSON":               {"POST", "/in.php", "application/json", `{"user":"bob","password":"pw-bob"}`},
		"JSON, twice":        {"POST", "/in.php", "application/json; charset=utf-8", `{"USER":"carol","user":"carol","user":"bob","password":"pw-bob"}`},
		"field twice":        {"POST", "/in.php", form, "user=carol&user=bob&password=pw-bob"},
		"field as an array":  {"POST", "/in.php", form, "user%5B%5D=bob&password=pw-bob"},
		"field with a NUL":   {"POST", "/in.php", form, "user%00x=carol&user=bob&password=pw-bob"},
		"900 fields before":  {"POST", "/in.php", form, strings.Repeat("a=1&", 900) + fields},
		"10,001 ampersands":  {"POST", "/in.php", form, fields + strings.Repeat("&", 10001)},
		"magic link":         {"GET", "/magic.php?t=TOKEN", "", ""},
		"magic link, HEAD":   {"HEAD", "/magic.php?t=TOKEN", "", ""},
		"password reset":     {"POST", "/reset.php", form, "t=TOKEN&new=secret"},
		"undeclared names":   {"POST", "/magic.php/login", form, "t=TOKEN"},
	}
}

func (d door) open(b *harness.Browser, token, query string) *harness.Page {
	target := strings.ReplaceAll(d.target, "TOKEN", token)
	if query != "" {
		join := "?"
		if strings.Contains(target, "?") {
			join = "&"
		}
		target += join + query
	}
	r := b.Request(d.method, target, strings.NewReader(strings.ReplaceAll(d.body, "TOKEN", token)))
	if d.body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	if d.contentType != "" {
		r.Header.Set("Content-Type", d.contentType)
	}
	r.Header.Set("Origin", b.Base)
	return b.Do(r)
}

// TestAttack_EveryLoginOfPHP: ASVS 6.1.3 and 6.3.4, section B. PHP signs a user in in every way
// that it knows, in every kind of visit, with every treatment of the session id. No byte of an
// enrolled user arrives before a code. Control: the same request without the gateway signs in.
func TestAttack_EveryLoginOfPHP(t *testing.T) {
	h := startPHP(t, "")
	alice := h.enrol("alice")
	h.enrol("bob")
	token := h.link("bob")
	doors := rareDoors()
	visits := h.visits(alice)
	for i, name := range slices.Sorted(maps.Keys(doors)) {
		d, b := doors[name], h.direct()
		d.open(b, token, "")
		if got := b.Get("/page.php").Body; got != markOf("bob") {
			t.Errorf("%s signs nobody in: %s", name, got)
		}
		for visit, start := range visits {
			// Each treatment of the id with one kind of visit in turn, and all of them with the
			// form.
			ids := []string{"", "id=changes", "id=lives"}
			if name != "form" {
				ids = ids[i%3 : i%3+1]
			}
			for _, id := range ids {
				withheld(t, fmt.Sprintf("%s, %s, %s", name, visit, id), start(), func(b *harness.Browser) { d.open(b, token, id) })
			}
		}
	}
}

// TestAttack_BasicOfPHP: a password in a header is stripped; declared, it is a
// credential like any other and owes the code.
func TestAttack_BasicOfPHP(t *testing.T) {
	for _, extra := range []string{"", "credential header Authorization"} {
		h := startPHP(t, extra)
		h.enrol("bob")
		basic := func(b *harness.Browser) *harness.Page {
			r := b.Request(http.MethodGet, "/basic.php?id=changes", nil)
			r.SetBasicAuth("bob", "pw-bob")
			return b.Do(r)
		}
		if p := basic(h.direct()); p.Body != markOf("bob") {
			t.Fatalf("no sign-in: %d %s", p.Status, p.Body)
		}
		withheld(t, extra, h.Browser(), func(b *harness.Browser) { basic(b) })
	}
}

// TestAttack_SwitchUserOfPHP: section C, second login in a cleared session. "Log in as"
// leads from a session that may pass to one that owes a code.
func TestAttack_SwitchUserOfPHP(t *testing.T) {
	h := startPHP(t, "")
	alice := h.enrol("alice")
	h.enrol("bob")
	visits := h.visits(alice)
	for _, visit := range []string{"unenrolled carol", "cleared as alice"} {
		for _, query := range []string{"", "&id=changes", "&id=lives", "&200=1&id=changes"} {
			withheld(t, visit+query, visits[visit](), func(b *harness.Browser) { b.Get("/as.php?u=bob" + query) })
			withheld(t, visit+", POST"+query, visits[visit](), func(b *harness.Browser) {
				b.Post("/as.php?x=1"+query, url.Values{"u": {"bob"}})
			})
		}
	}
}

// TestAttack_RememberMeOfPHP: a remembered browser is signed in wherever it arrives,
// when PHP's session is long gone: it owes the code like every sign-in. Without the
// gateway's seal the cookie is nothing.
func TestAttack_RememberMeOfPHP(t *testing.T) {
	h := startPHP(t, "")
	bob := h.enrol("bob")
	signIn := func(b *harness.Browser) {
		b.Post("/in.php", url.Values{"user": {"bob"}, "password": {"pw-bob"}, "remember": {"1"}})
	}
	direct := h.direct()
	signIn(direct)
	h.endSessions()
	if got := direct.Get("/page.php").Body; got != markOf("bob") {
		t.Fatalf("nobody is remembered: %s", got)
	}
	stolen := h.Browser()
	stolen.SetCookie("remember", direct.Cookies("/")["remember"])
	withheld(t, "a stolen cookie", stolen, func(*harness.Browser) {})
	owing := h.Browser()
	signIn(owing)
	h.endSessions()
	withheld(t, "remembered, no code given", owing, func(b *harness.Browser) { b.Get("/page.php") })
	owing.Pass(bob.Code(t))
	if p := owing.Get("/page.php"); p.Body != markOf("bob") {
		t.Errorf("with a code: %d %q %s", p.Status, p.Location, p.Body)
	}
}
