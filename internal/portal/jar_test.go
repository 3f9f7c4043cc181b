package portal

import (
	"slices"
	"testing"
	"time"
)

// changesOf is Changes of a response that has not too many lines.
func changesOf(lines []string, path string, policy *CookiePolicy, now time.Time) []Change {
	changes, err := Changes(lines, path, policy, now)
	if err != nil {
		panic(err)
	}
	return changes
}

func jarOf(lines ...string) *Jar {
	return EmptyJar.Apply(changesOf(lines, "/", NewCookiePolicy([]string{"left_*"}), now))
}

func TestJar_HeaderOrder(t *testing.T) {
	j := jarOf("root=1; Path=/", "left_a=1", "deep=1; Path=/x/y", "lang=fi", "same=x; Path=/x", "same=root; Path=/", "slash=1; Path=/x/")
	for path, want := range map[string]string{
		"/":      "root=1; same=root; left_a=1; lang=fi",
		"/x":     "same=x; root=1; same=root; left_a=1; lang=fi",
		"/x/":    "slash=1; same=x; root=1; same=root; left_a=1; lang=fi",
		"/x/y/z": "deep=1; slash=1; same=x; root=1; same=root; left_a=1; lang=fi",
		"/xy":    "root=1; same=root; left_a=1; lang=fi",
	} {
		if got := j.View(path).Header; got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if got := j.Strangers().View("/x").Header; got != "lang=fi" {
		t.Errorf("a stranger's: %q", got)
	}
	if EmptyJar.View("/").Header != "" || !EmptyJar.Empty() || !jarOf("lang=fi").Empty() || jarOf("left_a=1").Empty() {
		t.Error("what counts as credentials")
	}
}

func TestJar_Apply(t *testing.T) {
	start := []string{"a=1; Path=/", "left_b=1; Path=/"}
	for _, tt := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"nothing", nil, "a=1; left_b=1"},
		{"a later value wins", []string{"a=2; Path=/", "a=3; Path=/"}, "a=3; left_b=1"},
		{"deleted, then set", []string{"a=; Path=/; Max-Age=0", "a=2; Path=/"}, "a=2; left_b=1"},
		{"set, then deleted", []string{"a=2; Path=/", "a=; Path=/; Max-Age=0"}, "left_b=1"},
		{"deleted at another path", []string{"a=; Path=/x; Max-Age=0"}, "a=1; left_b=1"},
		{"a left one changed", []string{"left_b=2"}, "a=1; left_b=2"},
		{"a left one deleted", []string{"left_b=; Max-Age=0"}, "a=1"},
		{"own names", []string{"sg=1", "SG-x=1", "__Host-sg=1; Secure; Path=/", "secondgate-x=1"}, "a=1; left_b=1"},
		{"no cookie at all", []string{"=1", "nonsense", "c=\x01"}, "a=1; left_b=1"},
	} {
		before := jarOf(start...)
		after := before.Apply(changesOf(tt.lines, "/", NewCookiePolicy([]string{"left_*"}), now))
		if got := after.View("/").Header; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if before.View("/").Header != "a=1; left_b=1" {
			t.Errorf("%s: the jar itself changed", tt.name)
		}
	}
}

// TestJar_Key is equal for equal credentials only.
func TestJar_Key(t *testing.T) {
	j := jarOf("a=1; Path=/", "b=2; Path=/")
	for _, other := range []*Jar{
		EmptyJar, jarOf("a=1; Path=/"), jarOf("a=1; Path=/x", "b=2; Path=/"), jarOf("a=2; Path=/", "b=2; Path=/"), jarOf("a=1; Path=/", "c=2; Path=/"),
		jarOf("a=1; Path=/", "b=2; Path=/", "left_c=1"), jarOf("a=1b; Path=/", "=2; Path=/"), jarOf("b=2; Path=/", "a=1; Path=/"),
	} {
		if other.Key() == j.Key() {
			t.Errorf("%q has the key of %q", other.View("/").Header, j.View("/").Header)
		}
	}
	same := jarOf("a=1; Path=/; SameSite=Lax; Max-Age=9", "b=2; Path=/", "lang=fi")
	if same.Key() != j.Key() {
		t.Error("attributes and free cookies are in the key")
	}
	changes := changesOf([]string{"a=1; Path=/"}, "/", NewCookiePolicy(nil), now)
	if j.Stamped(changes, Stamp{User: "alice"}).Key() != j.Key() {
		t.Error("stamps are in the key")
	}
}

// TestJar_Unordered is equal for jars that differ in the order of their cookies only.
func TestJar_Unordered(t *testing.T) {
	j := jarOf("pma_lang=en; Path=/", "session=1; Path=/", "b=3; Path=/x")
	again := jarOf("session=1; Path=/", "b=3; Path=/x", "pma_lang=en; Path=/")
	if j.Unordered() != again.Unordered() || j.Key() == again.Key() || j.View("/").Header != "pma_lang=en; session=1" {
		t.Errorf("%q and %q", j.View("/x").Header, again.View("/x").Header)
	}
	if j.Unordered() == jarOf("session=2; Path=/", "b=3; Path=/x", "pma_lang=en; Path=/").Unordered() {
		t.Error("another value is not told apart")
	}
}

// TestJar_Fits: another user's cookies never go along, anonymous ones do.
func TestJar_Fits(t *testing.T) {
	set := func(line, user string) func(*Jar) *Jar {
		return func(j *Jar) *Jar {
			c := changesOf([]string{line}, "/", NewCookiePolicy(nil), now)
			return j.Apply(c).Stamped(c, Stamp{User: user})
		}
	}
	j := EmptyJar
	for _, add := range []func(*Jar) *Jar{set("hers=1; Path=/", "alice"), set("his=1; Path=/", "bob"), set("old=1; Path=/", ""), set("lang=fi", "alice")} {
		j = add(j)
	}
	for user, want := range map[string]string{"alice": "hers=1; old=1; lang=fi", "bob": "his=1; old=1; lang=fi", "": "old=1; lang=fi", "Alice": "old=1; lang=fi"} {
		fitting, gone, _ := j.Fits(user, "")
		if got := fitting.View("/").Header; got != want || len(gone) != 4-len(fitting.Cookies())-1 {
			t.Errorf("for %q: %q, gone %v; want %q", user, got, gone, want)
		}
	}
	if same, gone, _ := jarOf("a=1; Path=/").Fits("alice", ""); len(gone) != 0 || same.View("/").Header != "a=1" {
		t.Error("a stranger's cookie may become a user's")
	}
}

// TestJar_FitsBySite: a cookie that another site of the host stamped with another user does not
// go along either, and stays in the browser.
func TestJar_FitsBySite(t *testing.T) {
	j := EmptyJar
	for line, stamp := range map[string]Stamp{"own=1": {"alice", "/a/2fa"}, "other=1": {"alice", "/b/2fa"}, "shared=1": {"bob", "/b/2fa"}, "old=1": {User: "alice"}} {
		c := changesOf([]string{line + "; Path=/"}, "/", NewCookiePolicy(nil), now)
		j = j.Apply(c).Stamped(c, stamp)
	}
	names := func(cookies []Cookie) (names []string) {
		for _, c := range cookies {
			names = append(names, c.Name)
		}
		slices.Sort(names)
		return names
	}
	fitting, gone, apart := j.Fits("bob", "/a/2fa")
	if got := names(fitting.Cookies()); !slices.Equal(got, []string{"shared"}) {
		t.Errorf("fitting: %v", got)
	}
	if !slices.Equal(names(gone), []string{"old", "own"}) || !slices.Equal(names(apart), []string{"other"}) {
		t.Errorf("gone %v, apart %v", names(gone), names(apart))
	}
	if got := names(j.Of("/a/2fa").Cookies()); !slices.Equal(got, []string{"old", "own"}) {
		t.Errorf("the site's own: %v", got)
	}
	with := fitting.With(append(apart, Cookie{Name: "shared", Path: "/", Value: "2"}))
	if got := with.View("/").Header; got != "shared=1; other=1" {
		t.Errorf("with the others: %s", got)
	}
}

// TestJar_SentAgainKeepsItsStamp: a cookie that is set to the value that it has keeps its stamp.
// It does not tell anything new about its user.
func TestJar_SentAgainKeepsItsStamp(t *testing.T) {
	c := changesOf([]string{"a=1; Path=/"}, "/", NewCookiePolicy(nil), now)
	j := EmptyJar.Apply(c).Stamped(c, Stamp{User: "alice"}).Apply(c)
	if got := j.Cookies()[0].Stamp.User; got != "alice" {
		t.Errorf("stamped for %q", got)
	}
	other := changesOf([]string{"a=2; Path=/"}, "/", NewCookiePolicy(nil), now)
	if got := j.Apply(other).Cookies()[0].Stamp; !got.Anonymous() {
		t.Errorf("a new value has the old stamp: %v", got)
	}
}

func TestJar_EndsAndBinds(t *testing.T) {
	j := jarOf("a=1; Path=/; Max-Age=60", "b=1; Path=/; Max-Age=600", "c=1; Path=/")
	if got := j.Ends(); !got.Equal(now.Add(10 * time.Minute)) {
		t.Errorf("ends at %v", got)
	}
	if !jarOf("c=1").Ends().IsZero() {
		t.Error("a session cookie has an end")
	}
	binds := j.Binds("shop.test", "/two-factor")
	if len(binds) != 3 || !slices.IsSorted(binds) || slices.Contains(binds, jarOf("a=1; Path=/x").Binds("shop.test", "/two-factor")[0]) {
		t.Errorf("%v", binds)
	}
	if !slices.Equal(binds, jarOf("c=9; Path=/", "b=8; Path=/", "a=7; Path=/").Binds("shop.test", "/two-factor")) {
		t.Error("values or order matter")
	}
}
