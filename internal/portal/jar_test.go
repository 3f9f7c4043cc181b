package portal

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

func jarOf(lines ...string) *Jar {
	return EmptyJar.Apply(Changes(lines, "/", NewLeave([]string{"left_*"}), now))
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
		if got := j.Header(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if got := j.Strangers().Header("/x"); got != "lang=fi" {
		t.Errorf("a stranger's: %q", got)
	}
	if EmptyJar.Header("/") != "" || !EmptyJar.Empty() || !jarOf("lang=fi").Empty() || jarOf("left_a=1").Empty() {
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
		after := before.Apply(Changes(tt.lines, "/", NewLeave([]string{"left_*"}), now))
		if got := after.Header("/"); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if before.Header("/") != "a=1; left_b=1" {
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
			t.Errorf("%q has the key of %q", other.Header("/"), j.Header("/"))
		}
	}
	same := jarOf("a=1; Path=/; SameSite=Lax; Max-Age=9", "b=2; Path=/", "lang=fi")
	if same.Key() != j.Key() {
		t.Error("attributes and free cookies are in the key")
	}
	changes := Changes([]string{"a=1; Path=/"}, "/", NewLeave(nil), now)
	if j.Stamped(changes, "alice").Key() != j.Key() {
		t.Error("stamps are in the key")
	}
}

// TestJar_Fits: another user's cookies never go along, anonymous ones do.
func TestJar_Fits(t *testing.T) {
	set := func(line, user string) func(*Jar) *Jar {
		return func(j *Jar) *Jar {
			c := Changes([]string{line}, "/", NewLeave(nil), now)
			return j.Apply(c).Stamped(c, user)
		}
	}
	j := EmptyJar
	for _, add := range []func(*Jar) *Jar{set("hers=1; Path=/", "alice"), set("his=1; Path=/", "bob"), set("old=1; Path=/", ""), set("lang=fi", "alice")} {
		j = add(j)
	}
	for user, want := range map[string]string{"alice": "hers=1; old=1; lang=fi", "bob": "his=1; old=1; lang=fi", "": "old=1; lang=fi", "Alice": "old=1; lang=fi"} {
		fitting, gone := j.Fits(user)
		if got := fitting.Header("/"); got != want || len(gone) != 4-len(fitting.Cookies())-1 {
			t.Errorf("for %q: %q, gone %v; want %q", user, got, gone, want)
		}
	}
	if same, gone := jarOf("a=1; Path=/").Fits("alice"); len(gone) != 0 || same.Header("/") != "a=1" {
		t.Error("a stranger's cookie may become a user's")
	}
}

// TestJar_SentAgainKeepsItsStamp: a cookie that is set to the value it has says
// nothing new about anybody.
func TestJar_SentAgainKeepsItsStamp(t *testing.T) {
	c := Changes([]string{"a=1; Path=/"}, "/", NewLeave(nil), now)
	j := EmptyJar.Apply(c).Stamped(c, "alice").Apply(c)
	if got := j.Cookies()[0].Stamp.User; got != "alice" {
		t.Errorf("stamped for %q", got)
	}
	other := Changes([]string{"a=2; Path=/"}, "/", NewLeave(nil), now)
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
	binds := j.Binds()
	if len(binds) != 3 || !slices.IsSorted(binds) || slices.Contains(binds, jarOf("a=1; Path=/x").Binds()[0]) {
		t.Errorf("%v", binds)
	}
	if !slices.Equal(binds, jarOf("c=9; Path=/", "b=8; Path=/", "a=7; Path=/").Binds()) {
		t.Error("values or order matter")
	}
}

func TestLeave_Class(t *testing.T) {
	l := NewLeave([]string{"theme_*", "lang", "tok?n"})
	for name, want := range map[string]Class{
		"PHPSESSID": Sealed, "XSRF-TOKEN": Free, "_ga": Free, "_ga_ABC": Free, "theme": Free, "xsrf-token": Sealed, "XSRF-TOKEN2": Sealed,
		"theme_dark": Left, "lang": Left, "token": Left, "tokken": Sealed, "my_theme_x": Sealed,
		"sg": Own, "SG": Own, "sg-abc": Own, "__Host-sg": Own, "__HOST-SG-x": Own, "secondgate-return": Own, "__Host-secondgate-codes": Own,
		"sgx": Sealed, "secondgate": Sealed,
	} {
		if got := l.Class(name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if NewLeave([]string{"*"}).Class("sg") != Own {
		t.Error("an own name can be left")
	}
}

func TestHeaders_Credential(t *testing.T) {
	h := NewHeaders([]string{"authorization", "X-Csrf-Token"})
	for name, want := range map[string]bool{
		"Authorization": true, "X-Csrf-Token": true, "X-Unknown": true, "X-Api-Key": true, "X_User": true,
		"User-Agent": false, "Accept": false, "Sec-Ch-Ua": false, "Sec-Ch-Ua-Arch": false, "Sec-Fetch-Site": false, "Origin": false, "Referer": false, "X-Forwarded-For": false,
	} {
		if h.Credential(name) != want {
			t.Errorf("%s is a credential: %v", name, !want)
		}
	}
	header := http.Header{"Authorization": {"a"}, "X-Api-Key": {"b"}, "Proxy-Authorization": {"c"}, "X-Unknown": {"d"}, "Accept": {"e"}}
	h.Strip(header)
	if len(header) != 3 || header["X-Api-Key"] != nil || header["Proxy-Authorization"] != nil {
		t.Errorf("left: %v", header)
	}
}

// TestHeaders_Take: what an answer depends on is in the key, what not is not.
func TestHeaders_Take(t *testing.T) {
	h := NewHeaders([]string{"X-Device"})
	take := func(change func(http.Header)) (Key, bool) {
		r := &http.Request{Host: "portal.example", Header: http.Header{"User-Agent": {"a"}, "Accept": {"b"}}}
		change(r.Header)
		return h.Take(r, "192.0.2.1")
	}
	plain, credentials := take(func(http.Header) {})
	if credentials {
		t.Error("an ordinary request has credentials")
	}
	for name, credential := range map[string]bool{
		"Accept-Language": false, "Origin": false, "Sec-Ch-Ua": false, "Sec-Ch-Ua-Model": false, "Referer": false, "X-Real-Ip": false, "X-Forwarded-For": false, "Forwarded": false,
		"X-Device": true, "X-Unknown": true,
	} {
		key, got := take(func(h http.Header) { h[name] = []string{"https://x.example/"} })
		twice, _ := take(func(h http.Header) { h[name] = []string{"https://x.example/", "2"} })
		if key == plain || twice == key || twice == plain || got != credential {
			t.Errorf("%s: in the key %v, twice %v, credential %v", name, key != plain, twice != key, got)
		}
	}
	for name, value := range map[string]string{"Accept": "x", "Range": "bytes=0-", "Cache-Control": "no-cache", "X-Requested-With": "x", "Sec-Fetch-Site": "none", "X-Api-Key": "stripped", "Referer": "https://portal.example/a"} {
		if key, got := take(func(h http.Header) { h[name] = []string{value} }); key != plain || got {
			t.Errorf("%s is in the key: %+v", name, key)
		}
	}
	one, _ := take(func(h http.Header) { h["X-A"], h["X-B"] = []string{"1"}, []string{"2"} })
	two, _ := take(func(h http.Header) { h["X-A"] = []string{"1X-B2"} })
	if one == two {
		t.Error("one header poses as two")
	}
}

func TestQuestion_LeavesTheRequestAlone(t *testing.T) {
	header := http.Header{"Cookie": {"a"}, "Range": {"b"}, "Upgrade": {"c"}, "Content-Type": {"d"}, "If-None-Match": {"e"}, "User-Agent": {"f"}, "X-Unknown": {"g"}, "Sec-Websocket-Key": {"h"}}
	q := Question(header)
	if len(header) != 8 || len(q) != 5 || q.Get("User-Agent") != "f" || q.Get("X-Unknown") != "g" || q.Get("Accept-Encoding") != "identity" {
		t.Errorf("%v of %v", q, header)
	}
}
