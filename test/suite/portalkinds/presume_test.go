package portalkinds

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// magical is the portal that replaces strangers' sessions, with links that sign in. Under `watch
// unsafe` the response of such a link is shown; this is documented.
func magical() *portal {
	link := func(c *call) reply {
		if as := c.r.FormValue("as"); as != "" {
			c.signInAs(accountOf(as, "pw-"+as))
		}
		return views["GET /"](c)
	}
	return &portal{keeper: replacing{serverSide()}, views: map[string]func(*call) reply{
		"GET /magic": link, "GET /login": func(c *call) reply {
			if c.r.FormValue("as") != "" {
				return link(c)
			}
			return c.form()
		},
	}}
}

// TestAttack_PresumedStranger: under `watch unsafe` the gateway presumes that a visit without a
// sign-in is a stranger's. This lets a sign-in form be filled in, once, and shows no user's data.
func TestAttack_PresumedStranger(t *testing.T) {
	p := magical()
	h := harness.StartWhole(t, p, caddyfile(t, "replaced"))
	k := &kind{name: "replaced"}
	owner := &journey{t: t, k: k, p: p, h: h, visitor: k.visitor(t, h)}
	owner.enter("alice", "pw-alice")
	owner.Enrol()

	tests := map[string]struct {
		path    string
		form    url.Values
		arrives bool
	}{
		"another form":                      {"/notes", nil, false},
		"another form with sign-in's field": {"/notes", url.Values{"password": {"x"}}, false},
		"the sign-in":                       {"/login", nil, true},
		"the sign-in, for an account":       {"/login", url.Values{"login": {"alice"}, "password": {"pw-alice"}}, true},
	}
	for name, tt := range tests {
		v := k.visitor(t, h)
		if page := v.open("/magic?as=alice"); !strings.Contains(page.Body, accounts[0].secret()) {
			t.Fatalf("the link: %d", page.Status)
		}
		v = &visitor{Browser: v.Browser, t: t}
		for range 2 {
			before := p.posted()
			challenged(t, name, v.note(v.Post(tt.path, tt.form)))
			if arrived := p.posted() != before; arrived != tt.arrives {
				t.Errorf("%s: arrives %v", name, arrived)
			}
			tt.arrives = false
		}
		challenged(t, name+", afterwards", v.open("/account"))
		if v.saw("SECRET", 0) {
			t.Errorf("%s: shown:\n%s", name, v.seen.String())
		}
	}
	v := k.visitor(t, h)
	challenged(t, "a link with one of the form's fields that signs in on its page", v.open("/login?as=alice&login=alice"))
	if v.saw("SECRET", 0) {
		t.Errorf("the form's page shows:\n%s", v.seen.String())
	}
}

// TestUnsafe_Recheck: under `watch unsafe`, a link that signs in and changes no cookie is noticed
// when the answer expires after recheck.
func TestUnsafe_Recheck(t *testing.T) {
	p := &portal{keeper: serverSide(), views: map[string]func(*call) reply{"GET /magic": func(c *call) reply {
		c.s.Account = &accounts[0]
		return views["GET /"](c)
	}}}
	h := harness.StartWhole(t, p, caddyfile(t, "replaced"))
	k := &kind{name: "replaced"}
	owner := &journey{t: t, k: k, p: p, h: h, visitor: k.visitor(t, h)}
	owner.enter("alice", "pw-alice")
	owner.Enrol()
	v := k.visitor(t, h)
	v.open("/login")
	v.open("/login")
	v.open("/magic")
	t.Cleanup(clock.Move(time.Minute))
	since := v.mark()
	if challenged(t, "a minute after the link", v.open("/account")); v.saw("SECRET", since) {
		t.Errorf("shown:\n%s", v.seen.String()[since:])
	}
}

func challenged(t *testing.T, name string, p *harness.Page) {
	t.Helper()
	if p.Status != http.StatusSeeOther || p.Location != "/two-factor/challenge" {
		t.Errorf("%s: %d %q\n%.300s", name, p.Status, p.Location, p.Body)
	}
}
