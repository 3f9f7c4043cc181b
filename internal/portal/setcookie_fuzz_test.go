package portal

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/portal/cookie"
)

// maxSets bounds the cookies of one run: a browser would send no more than 200.
const maxSets = 40

// long keeps the corpus short: the fuzzer would spend its time on shortening it.
var long = strings.NewReplacer("{long}", strings.Repeat("x", 4000))

// browser holds cookies as browsers do, as far as our own lines need it.
type browser map[string]string

func (b browser) take(t *testing.T, lines []string, policy *CookiePolicy, secure bool) {
	t.Helper()
	for _, line := range lines {
		sc, err := cookie.ParseSetCookie(line, "/", now)
		if err != nil {
			t.Fatalf("no browser takes %q", line)
		}
		if class := policy.Class(sc.Name); class == Sealed || class == Reserved && !NamesFor("default", secure).OfVisit(sc.Name) {
			t.Fatalf("%q goes out unsealed", line)
		}
		if !NamesFor("default", secure).OfVisit(sc.Name) {
			continue // left alone, as the portal sent it
		}
		if sc.Path != "/" || sc.Domain != "" || !sc.HTTPOnly || sc.Secure != secure {
			t.Fatalf("wider than sealed cookies may be: %q", line)
		}
		b[sc.Name] = sc.Value
		if sc.Delete {
			delete(b, sc.Name)
		}
	}
}

func (b browser) header() []string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(b)) {
		pairs = append(pairs, name+"="+b[name])
	}
	return []string{strings.Join(pairs, "; ")}
}

// stay is a browser's stay at a portal, with Secondgate between, and without.
type stay struct {
	writer  *Writer
	policy  *CookiePolicy
	browser browser
	// direct is what a browser without the gateway would hold, by name and path.
	direct map[[2]string]cookie.SetCookie
	jar    *Jar
}

// answer takes a response's Set-Cookie lines both ways.
func (s *stay) answer(t *testing.T, lines []string, path string) {
	t.Helper()
	changes := changesOf(lines, path, s.policy, now)
	after := s.jar.Apply(changes)
	out, ok := s.writer.Seal(s.jar, after, changes)
	if !ok {
		t.Fatalf("too long: %q", lines)
	}
	s.browser.take(t, out, s.policy, s.writer.Names.Secure)
	for _, line := range lines {
		sc, err := cookie.ParseSetCookie(line, path, now)
		if err != nil || s.policy.Class(sc.Name) != Sealed {
			continue
		}
		key := [2]string{sc.Name, sc.Path}
		s.direct[key] = sc
		if sc.Delete {
			delete(s.direct, key)
		}
	}
	s.lives(t, out)
}

// lives: no sealed cookie outlives all of the portal's own, or the bound.
func (s *stay) lives(t *testing.T, out []string) {
	t.Helper()
	var longest time.Duration
	for _, sc := range s.direct {
		longest = max(longest, min(sc.Expires.Sub(now), s.writer.MaxLife))
	}
	for _, line := range out {
		sc, err := cookie.ParseSetCookie(line, "/", now)
		if err == nil && s.writer.Names.OfVisit(sc.Name) && !sc.Delete && !sc.Expires.IsZero() && sc.Expires.Sub(now) > max(longest, time.Second) {
			t.Fatalf("lives longer than the portal's: %q", line)
		}
	}
}

// back opens what the browser sends, and compares it with what it would hold by itself.
func (s *stay) back(t *testing.T) {
	t.Helper()
	rc, err := Read(s.browser.header(), s.writer.Names, "shop.test", s.policy)
	if err != nil {
		t.Fatal(err)
	}
	jar, stale := rc.Open(s.writer.Keys, now, now.Add(-time.Hour))
	if len(stale) > 0 || len(rc.Dropped) > 0 {
		t.Fatalf("stale %v, dropped %v", stale, rc.Dropped)
	}
	for _, c := range jar.Cookies() {
		want, ok := s.direct[[2]string{c.Name, c.Path}]
		if !ok || c.Value != want.Value || c.SameSite != want.SameSite || !c.Expires.Equal(want.Expires) {
			t.Fatalf("opened %+v, a browser would hold %+v", c, want)
		}
	}
	if len(jar.Cookies()) != len(s.direct) {
		t.Fatalf("%d cookies opened, a browser would hold %d", len(jar.Cookies()), len(s.direct))
	}
	pieces := 0
	for _, c := range jar.cookies {
		pieces += c.pieces
	}
	if pieces != len(s.browser) {
		t.Fatalf("%d pieces are of use, the browser holds %d", pieces, len(s.browser))
	}
	s.jar = jar
}

// FuzzSetCookie: after two responses of a portal, sealed and opened again, its cookies
// are what a browser would hold by itself; nothing that should be sealed goes out
// unsealed, and no attribute is wider than the portal's.
func FuzzSetCookie(f *testing.F) {
	for _, s := range [][2]string{
		{"sid=1; Path=/\nsid=2; Path=/x", "sid=; Path=/; Max-Age=0"}, {"a={long}", "a=short"}, {"a=1", "a={long}"},
		{"a=1; Domain=.example.com; Path=/; SameSite=None; Secure", "a=1; SameSite=Strict\nb=\"q;\"; HttpOnly"}, {"sg=1\n__Host-sg=1; Secure; Path=/\nSG-x=1\nsecondgate-x=1", "sg-A.1=x"},
		{"=__Host-sg=x\n__Host-sg\n =sg=1", "lang=fi; Domain=.evil\nlang =x"}, {"app.sess=1\napp_sess=2\napp[sess=3\n app sess=4", "app.sess=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"},
		{"SID[]=\"a\\\"\xff\nJSESSIONID=%00; Path=x", "left_a=1; Max-Age=9999999999999\nleft_a=; Max-Age=-1"}, {"a=1; Max-Age=60; Max-Age=0; Max-Age=7", "a=2; Expires=Sun, 22 Nov 2026 12:00:00 GMT; Path=/\tx"},
		{"__Secure-a=1; Secure\n__host-a=2", "Sg=1; Path=/\n__HOST-SG-x=2"},
	} {
		f.Add(s[0], s[1], "/shop/basket", true)
		f.Add(s[0], s[1], "/", false)
	}
	keysOf := NewSealer(ring(f, keys.Generate()), "shop")
	f.Fuzz(func(t *testing.T, first, second, path string, secure bool) {
		w := &Writer{Keys: keysOf.Keys("shop.test", "token"), Names: NamesFor("default", secure), Now: now, MaxLife: 24 * time.Hour}
		s := &stay{writer: w, policy: NewCookiePolicy([]string{"left_*"}), browser: browser{}, direct: map[[2]string]cookie.SetCookie{}, jar: EmptyJar}
		for _, response := range []string{first, second} {
			lines := strings.SplitN(long.Replace(response), "\n", maxSets+1)
			s.answer(t, lines[:min(len(lines), maxSets)], path)
			s.back(t)
		}
	})
}

// TestFuzzSetCookie_Model: the browser in FuzzSetCookie would notice an unsealed cookie
// at net/http's hands, too; it reads what is written as that does.
func TestFuzzSetCookie_Model(t *testing.T) {
	lines := sealAll(t, NewSealer(ring(t, keys.Generate()), "shop").Keys("shop.test", "token"), now, "a=1; Path=/; SameSite=Lax", "b="+strings.Repeat("x", 4000))
	b := browser{}
	b.take(t, lines, NewCookiePolicy(nil), false)
	for _, line := range lines {
		if c, err := http.ParseSetCookie(line); err != nil || b[c.Name] != c.Value {
			t.Errorf("%q: %v", line, err)
		}
	}
	if len(b) != 3 {
		t.Errorf("%d cookies, want 3", len(b))
	}
}
