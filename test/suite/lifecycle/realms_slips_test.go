package lifecycle

import (
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// slip loads a mistake of an operator. The mistake is noticed if the configuration is refused, if
// a warning is logged, or if alice is still asked for her code.
func slip(t *testing.T, h *harness.Harness, port, text string) {
	t.Helper()
	before := len(h.LogText())
	if err := h.TryWhole(text); err != nil {
		t.Logf("refused: %.300v", err)
		return
	}
	b := h.Browser()
	if port != "" {
		b = at(h, port)
	}
	b.SignIn("alice")
	if !passes(t, b, "alice") {
		return
	}
	for _, line := range strings.Split(h.LogText()[before:], "\n") {
		if strings.Contains(line, `"level":"warn"`) && (strings.Contains(line, "realm") || strings.Contains(line, "whoami")) {
			t.Errorf("only a warning: %.300s", line)
			return
		}
	}
	t.Error("alice, who has a second factor, is let in by password, without a word")
}

// TestAttack_RealmOfOneOfTwoSites: two sites share a realm; one of them gets another name by
// mistake. The realm is still served at the other, so it is not missing.
func TestAttack_RealmOfOneOfTwoSites(t *testing.T) {
	for name, wrong := range map[string]string{"a typing mistake": "shpo", "that of another portal": "blog"} {
		t.Run(name, func(t *testing.T) {
			mobile, blog := harness.FreePort(t), harness.FreePort(t)
			all := func(realm string) string {
				return whole(badger, site("PORT", "realm shop\n"+whoami), site(mobile, "realm "+realm+"\n"+whoami), site(blog, "realm blog\n"+whoami))
			}
			h := harness.StartWhole(t, &harness.Legacy{}, all("shop"))
			b := h.Browser()
			b.SignIn("alice")
			b.Enrol()
			at(h, blog).SignIn("carol")
			asked(t, at(h, mobile).SignIn("alice"))
			slip(t, h, mobile, all(wrong))
		})
	}
}

// TestAttack_RealmCopied: the second site's realm is copied into the first.
func TestAttack_RealmCopied(t *testing.T) {
	other := harness.FreePort(t)
	both := func(one, two string) string {
		return whole(badger, site("PORT", "realm "+one+"\n"+whoami), site(other, "realm "+two+"\n"+whoami))
	}
	h := harness.StartWhole(t, &harness.Legacy{}, both("shop", "blog"))
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	at(h, other).SignIn("carol")
	slip(t, h, "", both("blog", "blog"))
}

// TestAttack_InterchangedAndAlias: realms are interchanged in the edit that gives each site
// a second address.
func TestAttack_InterchangedAndAlias(t *testing.T) {
	other := harness.FreePort(t)
	h := harness.StartWhole(t, &harness.Legacy{}, whole(badger, host("PORT", "127.0.0.1", "realm shop\n"+whoami), host(other, "127.0.0.1", "realm blog\n"+whoami)))
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	at(h, other).SignIn("carol")
	slip(t, h, "", whole(badger, host("PORT", "127.0.0.1 www.shop.example", "realm blog\n"+whoami), host(other, "127.0.0.1 www.blog.example", "realm shop\n"+whoami)))
}

// TestAttack_GateRemovedFromOneSite: one of two sites of a realm loses its two_factor.
func TestAttack_GateRemovedFromOneSite(t *testing.T) {
	mobile := harness.FreePort(t)
	h := harness.StartWhole(t, &harness.Legacy{}, whole(badger, site("PORT", "realm shop\n"+whoami), site(mobile, "realm shop\n"+whoami)))
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	reload(t, h, whole(badger, site("PORT", "realm shop\n"+whoami), "http://127.0.0.1:"+mobile+" {\nbind 127.0.0.1\nreverse_proxy PORTAL\n}\n"))
	for _, part := range []string{"a site has no two_factor any more", `"address":"127.0.0.1:` + mobile, `"realm":"shop"`} {
		if !strings.Contains(h.LogText(), part) {
			t.Errorf("no warning that says %s", part)
		}
	}
}

// host is a site with several hosts.
func host(port, hosts, lines string) string {
	var list []string
	for _, name := range strings.Fields(hosts) {
		list = append(list, "http://"+name+":"+port)
	}
	return strings.Join(list, ", ") + " {\nbind 127.0.0.1\ntwo_factor {\n" + lines + "\n}\nreverse_proxy PORTAL\n}\n"
}
