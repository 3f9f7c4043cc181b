package attack

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// cookieSet is one browser's cookies, parted into the visit's own and the portal's.
type cookieSet struct{ visit, portal map[string]string }

func cookiesIn(b *harness.Browser) cookieSet {
	s := cookieSet{map[string]string{}, map[string]string{}}
	for name, value := range b.Cookies("/") {
		if name == "sg" {
			s.visit[name] = value
		} else {
			s.portal[name] = value
		}
	}
	return s
}

// with is a browser that has all of these cookies.
func with(h *harness.Harness, sets ...map[string]string) *harness.Browser {
	b := h.Browser()
	b.Client.Jar, _ = cookiejar.New(nil)
	for _, set := range sets {
		for name, value := range set {
			b.SetCookie(name, value)
		}
	}
	return b
}

// try sends a form. A server that refuses it may close the connection before it has read the form.
func try(b *harness.Browser, path string, form url.Values) {
	r := b.Request(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	_, _ = b.Try(r)
}

// TestAttack_SwappedCookies: section C. The attacker alice has an account of her own, has passed a
// code, and knows bob's password. She combines the visits and portal cookies of both accounts in
// every way. No kind of request shows data of bob, and the attempt revokes neither visit.
func TestAttack_SwappedCookies(t *testing.T) {
	for _, portal := range []*harness.Legacy{{}, {Rotate: true, KeepOld: true}} {
		h := harness.Start(t, portal, harness.LegacyLines+unthrottled)
		alice, bob := enrolled(h, "alice"), enrolled(h, "bob")
		mine, owner := cleared(t, h, "alice", alice), cleared(t, h, "bob", bob)
		debtor := h.Browser()
		debtor.SignIn("bob")
		sets := map[string]cookieSet{"alice": cookiesIn(mine), "bob owing": cookiesIn(debtor), "nobody": {}}
		for visit, v := range sets {
			for jar, p := range sets {
				for more, q := range sets {
					b := with(h, q.portal, p.portal, v.visit)
					w := spy(t, b)
					b.Get("/account")
					b.Fetch(http.MethodGet, "/account", "", "")
					try(b, "/account", url.Values{"a": {"b"}})
					try(b, "/two-factor/challenge", url.Values{"code": {alice.CodeNow(t)}}) // spent, and of another user
					b.Get("/two-factor/")
					b.Get("/account")
					if raw := w.take(); strings.Contains(raw, harness.SecretOf("bob")) || strings.Contains(raw, "X-Portal-User: bob") {
						t.Errorf("visit of %s, cookies of %s and %s: bob's page came:\n%.1000s", visit, jar, more, raw)
					}
				}
			}
		}
		if !shown(owner, "bob") {
			t.Errorf("%+v: bob's own session is revoked", portal)
		}
	}
}

// TestAttack_CodeOfAnother: a code and a backup code of alice clear no visit of bob, neither a new
// one nor one that alice had cleared.
func TestAttack_CodeOfAnother(t *testing.T) {
	h := legacyHarness(t, unthrottled)
	alice := enrolled(h, "alice")
	enrolled(h, "bob")
	for name, b := range map[string]*harness.Browser{"a stranger's visit": h.Browser(), "alice's visit": cleared(t, h, "alice", alice)} {
		w := spy(t, b)
		b.SignIn("bob")
		for i, code := range []string{alice.Code(t), alice.Backup[2]} {
			b.Post(fmt.Sprint("/two-factor/challenge?use=", []string{"app", "backup"}[i]), url.Values{"code": {code}})
			if shown(b, "bob") {
				t.Errorf("%s: code %d of alice's opens bob's", name, i)
			}
		}
		if raw := w.take(); strings.Contains(raw, harness.SecretOf("bob")) {
			t.Errorf("%s: shown to somebody who owes a code", name)
		}
	}
}

// TestAttack_TokenBeforeTheCode: ASVS 7.2.4. The cookies from before the code are invalid after
// it, for every kind of request, alone and together with the new ones.
func TestAttack_TokenBeforeTheCode(t *testing.T) {
	for _, portal := range []*harness.Legacy{{}, {Rotate: true, KeepOld: true}} {
		h := harness.Start(t, portal, harness.LegacyLines)
		alice := enrolled(h, "alice")
		b := h.Browser()
		b.SignIn("alice")
		before := cookiesIn(b)
		b.Pass(alice.Code(t))
		after := cookiesIn(b)
		for name, thief := range map[string]*harness.Browser{
			"all of before":           with(h, before.portal, before.visit),
			"new cookies, old visit":  with(h, after.portal, before.visit),
			"both, and the old visit": with(h, after.portal, before.portal, before.visit),
		} {
			if shown(thief, "alice") {
				t.Errorf("%s: opens", name)
			}
		}
		if !shown(b, "alice") {
			t.Error("the owner is shut out")
		}
		if shown(with(h, before.portal, after.visit), "alice") {
			t.Error("the portal's cookies from before open in the new visit")
		}
	}
}
