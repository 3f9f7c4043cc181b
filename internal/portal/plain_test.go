package portal

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/keys"
)

// TestReadPlain: what is ours goes by its form as well as its name, and the rest stays as
// it was sent.
func TestReadPlain(t *testing.T) {
	token, tag := strings.Repeat("A", visitLen), strings.Repeat("b", tagLen)
	for header, want := range map[string]string{
		"a=1; b=\"x y\"; c; =d": "a=1; b=\"x y\"; c; =d", "sg=" + token + "; a=1": "a=1", "__Host-sg=" + token: "",
		"sg-" + tag + "=x; sg-" + tag + ".1=y; z=": "z=", "__Host-sg-" + tag + "=x": "", "secondgate-flash=x; a": "a",
		"sg=theirs; sg-nav=1": "sg=theirs; sg-nav=1", "SG=" + token + "; sgx=1": "SG=" + token + "; sgx=1", " ; ;a=1;;": "a=1",
	} {
		for _, names := range []*Names{NamesFor("default", true), NamesFor("default", false)} {
			if got := PairHeader(ReadPlain([]string{header}, names, "shop.test").Pairs); got != want {
				t.Errorf("%q becomes %q, want %q", header, got, want)
			}
		}
	}
	p := ReadPlain([]string{"a=1; sg=" + token, "sg=" + token + "; b=2"}, NamesFor("default", false), "shop.test")
	if len(p.Visits) != 2 || PairHeader(p.Pairs) != "a=1; b=2" || !p.Own() {
		t.Errorf("two lines: %+v", p)
	}
}

// TestPlain_GivesBack: what was sealed comes back with the attributes that the portal gave
// it, so that its next cookie of that name takes its place in the browser.
func TestPlain_GivesBack(t *testing.T) {
	k := NewSealer(ring(t, keys.Generate()), "shop").Keys("shop.test", "token")
	for line, want := range map[string]string{
		"a=1; Path=/": "a=1; Path=/",
		"a=1; Path=/x; Domain=.Example.test; HttpOnly": "a=1; Path=/x; Domain=example.test; HttpOnly",
		"a=1; Path=/; Domain=elsewhere.test":           "a=1; Path=/",
		"a=1; Path=/; SameSite=Lax; Max-Age=60":        "a=1; Path=/; Expires=Sat, 21 Nov 2026 12:01:00 GMT; SameSite=Lax",
	} {
		header := cookieHeader(t, sealAll(t, k, now, line))
		jar, stale := ReadPlain(header, NamesFor("default", false), "shop.test").Open(k, now, now.Add(-time.Hour))
		if len(stale) > 0 || len(jar.Given()) != 1 {
			t.Fatalf("%s: %v %v", line, jar, stale)
		}
		c := jar.Given()[0]
		if got := c.Line("www.example.test", false); got != want {
			t.Errorf("%s comes back as %s", line, got)
		}
	}
	c := Cookie{Name: "a", Path: "/", SameSite: http.SameSiteNoneMode}
	if got := c.Line("x", true); got != "a=; Path=/; Secure; SameSite=None" {
		t.Error(got)
	}
}

// TestPlain_TokenStays: the token of a sign-in is no cookie, and is sent neither to the portal
// nor to the browser.
func TestPlain_TokenStays(t *testing.T) {
	jar := EmptyJar.Apply([]Change{TokenChange("secret", now)})
	if len(jar.Given()) != 0 || len(jar.For("/")) != 0 {
		t.Errorf("%v %v", jar.Given(), jar.For("/"))
	}
}
