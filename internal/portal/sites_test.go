package portal

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/keys"
)

// portalAt is one portal of a host: its realm, the port that it is reached at, and what
// its gateway has for one browser.
type portalAt struct {
	realm, site string
	names       *Names
	keys        *VisitKeys
	visit       string
}

func newPortalAt(t *testing.T, ring *keys.Ring, realm, site string, secure bool, visit string) *portalAt {
	t.Helper()
	return &portalAt{realm, site, NamesFor(realm, secure), NewSealer(ring, realm).Keys(site, visit), visit}
}

// respond gives the browser the visit and sealed cookies.
func (p *portalAt) respond(t *testing.T, b browser, set ...string) {
	t.Helper()
	w := &Writer{Keys: p.keys, Names: p.names, Now: now, MaxLife: time.Hour}
	changes := changesOf(set, "/", NewCookiePolicy(nil), now)
	lines, ok := w.Seal(EmptyJar, EmptyJar.Apply(changes), changes)
	if !ok {
		t.Fatal("too long")
	}
	for _, line := range append(lines, w.Visit(p.visit, time.Time{})) {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			t.Fatal(err)
		}
		b[c.Name] = c.Value
	}
}

// check sends the browser's cookies to the portal: its own open, and no others are
// forwarded, stale or dropped.
func (p *portalAt) check(t *testing.T, b browser, want string) {
	t.Helper()
	rc, err := Read(b.header(), p.names, p.site, NewCookiePolicy(nil))
	if err != nil {
		t.Fatal(err)
	}
	at := fmt.Sprintf("realm %s at %s", p.realm, p.site)
	if !slices.Equal(rc.Visit, []string{p.visit}) {
		t.Errorf("%s: the visits are %q, want %q", at, rc.Visit, p.visit)
	}
	jar, stale := rc.Open(p.keys, now, now.Add(-time.Hour))
	if got := jar.View("/").Header; got != want || len(stale) > 0 || len(rc.Dropped) > 0 {
		t.Errorf("%s: forwards %q, want %q; stale %v, dropped %v", at, got, want, stale, rc.Dropped)
	}
	if got := rc.Unsealed().View("/").Header; got != "" {
		t.Errorf("%s: forwards %q without a visit", at, got)
	}
	if n := len(jar.Cookies()); len(rc.All()) != n {
		t.Errorf("%s: would delete %v, has %d cookies", at, rc.All(), n)
	}
}

// TestI12_RealmsOfOneHost: portals of two realms on one host, at two paths or ports,
// keep both sessions in one browser.
func TestI12_RealmsOfOneHost(t *testing.T) {
	for _, secure := range []bool{true, false} {
		r, b := ring(t, keys.Generate()), browser{}
		portals := []*portalAt{
			newPortalAt(t, r, "default", "host.test", secure, strings.Repeat("d", visitLen)),
			newPortalAt(t, r, "shop", "host.test", secure, strings.Repeat("s", visitLen)),
			newPortalAt(t, r, "Shop", "host.test", secure, strings.Repeat("S", visitLen)),
			newPortalAt(t, r, "wiki", "host.test:8443", secure, strings.Repeat("w", visitLen)),
		}
		for i, p := range portals {
			p.respond(t, b, fmt.Sprintf("PHPSESSID=%d; Path=/", i), "long="+strings.Repeat("x", 4000)+"; Path=/long")
		}
		for i, p := range portals {
			p.check(t, b, fmt.Sprintf("PHPSESSID=%d", i))
		}
	}
}

// TestI12_PortsOfOneRealm: two ports that share a realm share the visit, and each keeps
// its own session.
func TestI12_PortsOfOneRealm(t *testing.T) {
	for _, realm := range []string{"default", "shop"} {
		r, b, visit := ring(t, keys.Generate()), browser{}, strings.Repeat("v", visitLen)
		one := newPortalAt(t, r, realm, "host.test:8001", true, visit)
		two := newPortalAt(t, r, realm, "host.test:8002", true, visit)
		one.respond(t, b, "PHPSESSID=1; Path=/")
		two.respond(t, b, "PHPSESSID=2; Path=/a", "PHPSESSID=2; Path=/")
		one.check(t, b, "PHPSESSID=1")
		two.check(t, b, "PHPSESSID=2")
		upper := *one
		upper.site = "HOST.test:8001"
		upper.keys = NewSealer(r, realm).Keys(upper.site, visit)
		upper.check(t, b, "PHPSESSID=1")
		// Another visit at the same site is stale there, and only there.
		rc, err := Read(b.header(), one.names, one.site, NewCookiePolicy(nil))
		if err != nil {
			t.Fatal(err)
		}
		if _, stale := rc.Open(NewSealer(r, realm).Keys(one.site, "another"), now, now.Add(-time.Hour)); len(stale) != 1 {
			t.Errorf("another visit: stale %v", stale)
		}
	}
}

// TestI12_MovedCookieDoesNotOpen: a sealed value under the name that it would have at
// another site or in another realm does not open there.
func TestI12_MovedCookieDoesNotOpen(t *testing.T) {
	r, visit := ring(t, keys.Generate()), strings.Repeat("v", visitLen)
	from := newPortalAt(t, r, "default", "host.test:8001", true, visit)
	b := browser{}
	from.respond(t, b, "PHPSESSID=1; Path=/")
	value := b[from.names.sealed+from.keys.Tag("PHPSESSID", "/")]
	for _, to := range []*portalAt{
		newPortalAt(t, r, "default", "host.test:8002", true, visit), newPortalAt(t, r, "default", "host.test", true, visit),
		newPortalAt(t, r, "shop", "host.test:8001", true, visit), from,
	} {
		moved := browser{to.names.Visit: visit, to.names.sealed + to.keys.Tag("PHPSESSID", "/"): value}
		rc, err := Read(moved.header(), to.names, to.site, NewCookiePolicy(nil))
		if err != nil {
			t.Fatal(err)
		}
		jar, stale := rc.Open(to.keys, now, now.Add(-time.Hour))
		if opens := !jar.Empty(); opens != (to == from) || len(stale) > 0 != (to != from) {
			t.Errorf("realm %s at %s: opens %v, stale %v", to.realm, to.site, opens, stale)
		}
		// Under its own name it isn't this site's.
		rc, err = Read(b.header(), to.names, to.site, NewCookiePolicy(nil))
		if err != nil {
			t.Fatal(err)
		}
		if jar, stale := rc.Open(to.keys, now, now.Add(-time.Hour)); to != from && (!jar.Empty() || len(stale) > 0 || rc.Pieces() > 0) {
			t.Errorf("realm %s at %s: under its own name it is taken up: %q, stale %v", to.realm, to.site, jar.View("/").Header, stale)
		}
	}
	// The keys differ too, not only the names to which values are bound.
	tag := from.keys.Tag("PHPSESSID", "/")
	for _, k := range []*VisitKeys{NewSealer(r, "default").Keys("host.test:8002", visit), NewSealer(r, "shop").Keys("host.test:8001", visit)} {
		if _, err := k.open(value, tag); err == nil {
			t.Error("the keys of another site or realm open a value under its own name")
		}
	}
	if tag := siteTag("host.test:8001"); tag == siteTag("host.test:8002") || tag == siteTag("host.test") || len(tag) != siteTagLen {
		t.Errorf("the site's tag is %q", tag)
	}
}

// TestI12_NamesAreReserved: the names of every realm and site are Secondgate's, in any
// case and on both schemes, and reach no portal.
func TestI12_NamesAreReserved(t *testing.T) {
	r := ring(t, keys.Generate())
	for _, realm := range []string{"default", "shop", "a.b-c_d", strings.Repeat("x", 64)} {
		for _, secure := range []bool{true, false} {
			b := browser{}
			newPortalAt(t, r, realm, "host.test", secure, strings.Repeat("v", visitLen)).respond(t, b, "PHPSESSID=1; Path=/", "a="+strings.Repeat("x", 4000)+"; Path=/")
			for name, value := range b {
				for _, spelling := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
					if !IsReserved(spelling) || NewCookiePolicy([]string{"*"}).Class(spelling) != Reserved {
						t.Errorf("%s is not reserved", spelling)
					}
				}
				if !ours(name, value) || IsVisit(name) != (value == strings.Repeat("v", visitLen)) {
					t.Errorf("%s is not recognised", name)
				}
			}
			if got := WithoutOwn(append(b.header(), "x=1")); got != "x=1" {
				t.Errorf("realm %s: a trusted path gets %q", realm, got)
			}
			p := ReadPlain(append(b.header(), "x=1"), NamesFor("third", secure), "host.test")
			if PairHeader(p.Pairs) != "x=1" || !p.Own() || len(p.Visits) > 0 || p.Sealed() {
				t.Errorf("realm %s: to an observing gateway: %+v", realm, p)
			}
			own := ReadPlain(b.header(), NamesFor(realm, secure), "host.test")
			if len(own.Visits) != 1 || !own.Sealed() || ReadPlain(b.header(), NamesFor(realm, secure), "host.test:1").Sealed() {
				t.Errorf("realm %s: its own: %+v", realm, own)
			}
		}
	}
}

// TestI12_OnlyFullForms: what only resembles a sealed cookie's name is passed over.
func TestI12_OnlyFullForms(t *testing.T) {
	tag := siteTag("host.test") + strings.Repeat("t", tagLen-siteTagLen)
	for name, pieces := range map[string]int{
		"sg-" + tag: 1, "sg-" + tag + ".1": 1, "sg-" + tag + ".16": 0, "sg-" + tag + ".0": 0, "sg-" + tag + ".x": 0, "sg-" + tag + "x": 0,
		"sg-" + tag[1:]: 0, "sg-": 0, "sg-x": 0, "SG-" + tag: 0, "__Host-sg-" + tag: 0, "sg.aaaaaaaa-" + tag: 0, "sg.-" + tag: 0,
	} {
		rc, err := Read([]string{name + "=x"}, NamesFor("default", false), "host.test", NewCookiePolicy([]string{"*"}))
		if err != nil || rc.Pieces() != pieces || rc.Unsealed().View("/").Header != "" || len(rc.Dropped) > 0 {
			t.Errorf("%s: %d pieces, forwards %q, dropped %v, %v", name, rc.Pieces(), rc.Unsealed().View("/").Header, rc.Dropped, err)
		}
	}
}

func TestNames_NoAllocations(t *testing.T) {
	names := NewRealmNames("shop")
	if n := testing.AllocsPerRun(100, func() { _ = names.For(true).Visit + "" }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
