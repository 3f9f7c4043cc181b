package edge

import (
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/house"
)

// TestAttack_TwoGates: two gates one after another, or one within a handle of the other. Nobody with a
// second factor gets past without a code.
func TestAttack_TwoGates(t *testing.T) {
	one := "two_factor {\n" + strings.Replace(house.LegacyLines, "realm default", "realm one", 1) + "\n}\n"
	two := strings.Replace(one, "realm one", "realm two", 1)
	for name, site := range map[string]string{
		"in a row":          "route {\n" + one + two + "reverse_proxy PORTAL\n}",
		"inner in a handle": one + "handle /admin/* {\n" + two + "reverse_proxy PORTAL\n}\nhandle {\nreverse_proxy PORTAL\n}",
		"twice one realm":   "route {\n" + one + one + "reverse_proxy PORTAL\n}",
		"inner observes":    "route {\n" + one + strings.Replace(two, "realm two", "realm two\nmode observe", 1) + "reverse_proxy PORTAL\n}",
		"outer observes":    "route {\n" + strings.Replace(one, "realm one", "realm one\nmode observe", 1) + two + "reverse_proxy PORTAL\n}",
		"inner other path":  one + "handle /admin/* {\n" + strings.Replace(two, "realm two", "realm two\npath /admin/2fa", 1) + "reverse_proxy PORTAL\n}\nhandle {\nreverse_proxy PORTAL\n}",
		"same path handles": "handle /a/* {\n" + one + "reverse_proxy PORTAL\n}\nhandle {\n" + two + "reverse_proxy PORTAL\n}",
	} {
		t.Run(name, func(t *testing.T) {
			h := house.StartWhole(t, &house.Legacy{}, "{\n"+house.GlobalLines+"}\nhttp://127.0.0.1:PORT {\nbind 127.0.0.1\nrespond ok\n}\n")
			if err := h.TryWhole("{\n" + house.GlobalLines + "two_factor {\nstorage badger DIR\n}\n}\nhttp://127.0.0.1:PORT {\nbind 127.0.0.1\n" + site + "\n}\n"); err != nil {
				t.Logf("refused: %.300v", err)
				return
			}
			owner := h.Browser()
			p := owner.SignIn("alice")
			s := owner.Get("/two-factor/setup")
			t.Logf("sign-in %d %q; set-up %d %q", p.Status, p.Location, s.Status, s.Location)
			if s.Status != 200 {
				if p := owner.Get("/account"); strings.Contains(p.Body, house.SecretOf("alice")) {
					t.Errorf("alice is not known to any gate, and sees her account; warned %v", strings.Contains(h.LogText(), `"settings"`))
				}
				return
			}
			owner.Enrol()
			for _, path := range []string{"/account", "/admin/x", "/a/x"} {
				b := h.Browser()
				b.SignIn("alice")
				if p := b.Get(path); strings.Contains(p.Body, house.SecretOf("alice")) {
					t.Errorf("%s without a code; warned %v", path, strings.Contains(h.LogText(), `"settings"`))
				} else {
					t.Logf("%s %d %s", path, p.Status, p.Location)
				}
			}
		})
	}
}
