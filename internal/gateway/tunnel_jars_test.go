package gateway

import (
	"fmt"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/portal"
)

// cookieJar returns a jar of session cookies, and with until of such as outlive the browser.
func cookieJar(until time.Time, pairs ...string) (changes []portal.Change) {
	for i := 0; i < len(pairs); i += 2 {
		changes = append(changes, portal.Change{Class: portal.Sealed, Cookie: portal.Cookie{Name: pairs[i], Value: pairs[i+1], Path: "/", Expires: until}})
	}
	return changes
}

// TestTunnelCookies: of what is set in a visit, a tunnel's questions follow what was set in
// place of the tunnel's own cookies.
func TestTunnelCookies(t *testing.T) {
	later := time.Now().Add(time.Hour)
	opened := portal.EmptyJar.Apply(cookieJar(time.Time{}, "SID", "1")).Apply(cookieJar(later, "stay", "a"))
	other := portal.EmptyJar.Apply(cookieJar(time.Time{}, "SID", "9"))
	for name, tt := range map[string]struct {
		sent       *portal.Jar
		changes    []portal.Change
		now, first string
		// session is what both jars have without renewed cookies that outlive the browser.
		session string
	}{
		"nothing":             {opened, nil, "SID=1; stay=a", "", ""},
		"renewed":             {opened, cookieJar(time.Time{}, "SID", "2"), "SID=2; stay=a", "SID=1; stay=a", ""},
		"both renewed":        {opened, append(cookieJar(time.Time{}, "SID", "2"), cookieJar(later, "stay", "b")...), "SID=2; stay=b", "SID=1; stay=a", "SID=2, SID=1"},
		"the token renewed":   {opened, cookieJar(later, "stay", "b"), "SID=1; stay=b", "SID=1; stay=a", ""},
		"another session":     {other, cookieJar(time.Time{}, "SID", "3"), "SID=1; stay=a", "", ""},
		"no session":          {portal.EmptyJar, cookieJar(time.Time{}, "SID", "3"), "SID=1; stay=a", "", ""},
		"another cookie":      {opened, cookieJar(time.Time{}, "theme", "dark"), "SID=1; stay=a", "", ""},
		"deleted":             {opened, []portal.Change{{Class: portal.Sealed, Delete: true, Cookie: portal.Cookie{Name: "SID", Path: "/"}}}, "stay=a", "SID=1; stay=a", ""},
		"the same once more":  {opened, cookieJar(time.Time{}, "SID", "1"), "SID=1; stay=a", "", ""},
		"another cookie path": {opened, []portal.Change{{Class: portal.Sealed, Cookie: portal.Cookie{Name: "SID", Value: "2", Path: "/app"}}}, "SID=1; stay=a", "", ""},
	} {
		c := newTunnelCookies(opened, opened)
		c.follow(tt.sent, tt.changes)
		now, first := c.jars()
		got := ""
		if first != nil {
			got = first.View("/").Header
		}
		if now.View("/").Header != tt.now || got != tt.first {
			t.Errorf("%s: %q and %q, want %q and %q", name, now.View("/").Header, got, tt.now, tt.first)
		}
		session := ""
		if now, first := c.session(); now != nil {
			session = now.View("/").Header + ", " + first.View("/").Header
		}
		if session != tt.session {
			t.Errorf("%s: the session: %q, want %q", name, session, tt.session)
		}
	}
}

// TestTunnelCookies_SideBySide: requests that run side by side are sent earlier values, and what
// they set is followed; how many values are remembered is bounded.
func TestTunnelCookies_SideBySide(t *testing.T) {
	jar := func(i int) *portal.Jar {
		return portal.EmptyJar.Apply(cookieJar(time.Time{}, "SID", fmt.Sprint(i)))
	}
	c := newTunnelCookies(jar(0), jar(1)) // renewed by the question about the request
	for i := 2; i < 100; i++ {
		c.follow(jar(max(0, i-10)), cookieJar(time.Time{}, "SID", fmt.Sprint(i)))
	}
	c.follow(jar(0), cookieJar(time.Time{}, "SID", "last"))
	if now, first := c.jars(); now.View("/").Header != "SID=last" || first.View("/").Header != "SID=1" {
		t.Error(now.View("/").Header, first)
	}
	for id, values := range c.values {
		if len(values) > maxValues {
			t.Errorf("%v has %d values", id, len(values))
		}
	}
}
