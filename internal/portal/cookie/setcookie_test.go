package cookie_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/portal/cookie"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestParseSetCookie(t *testing.T) {
	day := 24 * time.Hour
	tests := []struct {
		name, line string
		want       cookie.SetCookie
	}{
		{"bare", "sid=abc", cookie.SetCookie{Name: "sid", Value: "abc", Path: "/shop"}},
		{"bytes are kept", " sid = \"a b,\\\xff\" ", cookie.SetCookie{Name: "sid", Value: "\"a b,\\\xff\"", Path: "/shop"}},
		{"odd names are kept", "app[se.ss]=1", cookie.SetCookie{Name: "app[se.ss]", Value: "1", Path: "/shop"}},
		{"prefix is kept", "__Host-x=1; Path=/; Secure", cookie.SetCookie{Name: "__Host-x", Value: "1", Path: "/", Secure: true}},
		{"all attributes", "a=b; PATH=/x; domain=.Example.COM; secure; HttpOnly; SameSite=none; Partitioned; Priority=High",
			cookie.SetCookie{Name: "a", Value: "b", Path: "/x", Domain: "example.com", Secure: true, HTTPOnly: true, SameSite: http.SameSiteNoneMode, Partitioned: true}},
		{"relative path", "a=b; Path=x", cookie.SetCookie{Name: "a", Value: "b", Path: "/shop"}},
		{"empty path", "a=b; Path=", cookie.SetCookie{Name: "a", Value: "b", Path: "/shop"}},
		{"last path counts", "a=b; Path=/1; Path=/2", cookie.SetCookie{Name: "a", Value: "b", Path: "/2"}},
		{"unknown SameSite is absent", "a=b; SameSite=Lax; SameSite=Bogus", cookie.SetCookie{Name: "a", Value: "b", Path: "/shop"}},
		{"Max-Age", "a=b; Max-Age=60", cookie.SetCookie{Name: "a", Value: "b", Path: "/shop", Expires: now.Add(time.Minute)}},
		{"Max-Age wins before", "a=b; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", cookie.SetCookie{Name: "a", Value: "b", Path: "/shop", Expires: now.Add(time.Minute)}},
		{"Max-Age wins after", "a=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT; max-age=60", cookie.SetCookie{Name: "a", Value: "b", Path: "/shop", Expires: now.Add(time.Minute)}},
		{"bad Max-Age leaves Expires", "a=b; Max-Age=1h; Expires=Sun, 22 Nov 2026 12:00:00 GMT", cookie.SetCookie{Name: "a", Value: "b", Path: "/shop", Expires: now.Add(day)}},
		{"Max-Age zero", "a=b; Max-Age=0", cookie.SetCookie{Name: "a", Value: "b", Path: "/shop", Expires: now, Delete: true}},
		{"Max-Age negative", "a=; Max-Age=-99", cookie.SetCookie{Name: "a", Path: "/shop", Expires: now, Delete: true}},
		{"Max-Age beyond all numbers", "a=b; Max-Age=" + strings.Repeat("9", 40), cookie.SetCookie{Name: "a", Value: "b", Path: "/shop", Expires: now.Add(400 * day)}},
		{"Expires in the past", "a=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT", cookie.SetCookie{Name: "a", Value: "deleted", Path: "/shop", Expires: time.Unix(1, 0).UTC(), Delete: true}},
		{"Expires beyond 400 days", "a=b; Expires=Thu, 01 Jan 2099 00:00:00 GMT", cookie.SetCookie{Name: "a", Value: "b", Path: "/shop", Expires: now.Add(400 * day)}},
		{"Expires nonsense", "a=b; Expires=soon", cookie.SetCookie{Name: "a", Value: "b", Path: "/shop"}},
		{"long attribute is passed over", "a=b; Path=/" + strings.Repeat("x", 1024), cookie.SetCookie{Name: "a", Value: "b", Path: "/shop"}},
		{"control character in an attribute", "a=b; Path=/\x01", cookie.SetCookie{Name: "a", Value: "b", Path: "/shop"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := cookie.ParseSetCookie(tt.line, "/shop/basket", now)
			if err != nil || got != tt.want {
				t.Errorf("got  %+v, %v\nwant %+v", got, err, tt.want)
			}
		})
	}
}

func TestParseSetCookie_Refused(t *testing.T) {
	for _, line := range []string{"", "sid", "=x", " =x", "; Path=/", "a=\x00", "a\x1f=b", "a=" + strings.Repeat("x", 4096)} {
		if c, err := cookie.ParseSetCookie(line, "/", now); !errors.Is(err, cookie.ErrSetCookie) {
			t.Errorf("%.20q gives %+v, %v", line, c, err)
		}
	}
}

func TestParseDate(t *testing.T) {
	want := time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC)
	for _, s := range []string{
		"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
		"Sun, 06-Nov-1994 08:49:37 GMT", "08:49:37 6 november 1994 whatever", "Sun,06 Nov 1994 8:49:37GMT", "1994/Nov/06 08:49:37",
	} {
		// The last form puts four digits where a day could stand; it must not be taken for one.
		if got, ok := cookie.ParseDate(s); !ok || !got.Equal(want) {
			t.Errorf("%q is %v, %v", s, got, ok)
		}
	}
	for _, s := range []string{
		"", "Sun, 06 Nov 1994", "06 Nov 08:49:37", "Nov 1994 08:49:37", "06 1994 08:49:37", "31 Feb 2020 00:00:00", "00 Jan 2020 00:00:00",
		"01 Jan 2020 24:00:00", "01 Jan 2020 00:60:00", "01 Jan 1600 00:00:00", "01 Jan 20201 00:00:00", "01 Jan 2020 00:00:000",
	} {
		if got, ok := cookie.ParseDate(s); ok {
			t.Errorf("%q is taken for %v", s, got)
		}
	}
	for s, year := range map[string]int{"1 Jan 69 0:0:0": 2069, "1 Jan 70 0:0:0": 1970, "1 Jan 00 0:0:0": 2000} {
		if got, ok := cookie.ParseDate(s); !ok || got.Year() != year {
			t.Errorf("%q is %v, %v", s, got, ok)
		}
	}
}

func TestPaths(t *testing.T) {
	for request, want := range map[string]string{"": "/", "x": "/", "/": "/", "/a": "/", "/a/": "/a", "/a/b": "/a", "/a/b/": "/a/b", "a/b": "/"} {
		if got := cookie.DefaultPath(request); got != want {
			t.Errorf("DefaultPath(%q) = %q, want %q", request, got, want)
		}
	}
	tests := []struct {
		cookie, request string
		want            bool
	}{
		{"/", "/", true}, {"/", "/a", true}, {"/a", "/a", true}, {"/a", "/a/", true}, {"/a", "/a/b", true}, {"/a/", "/a/b", true},
		{"/a", "/ab", false}, {"/a/", "/a", false}, {"/A", "/a", false}, {"/a/b", "/a", false},
	}
	for _, tt := range tests {
		if got := cookie.PathMatch(tt.cookie, tt.request); got != tt.want {
			t.Errorf("PathMatch(%q, %q) = %v", tt.cookie, tt.request, got)
		}
	}
}

func TestOut(t *testing.T) {
	tests := []struct {
		out  cookie.Out
		want string
	}{
		{cookie.Out{Name: "sg", Value: "x"}, "sg=x; Path=/; HttpOnly"},
		{cookie.Out{Name: "sg", Value: "x", SameSite: http.SameSiteNoneMode, Partitioned: true}, "sg=x; Path=/; HttpOnly"},
		{cookie.Out{Name: "__Host-sg", Value: "x", Secure: true, SameSite: http.SameSiteNoneMode, Partitioned: true, Life: time.Hour},
			"__Host-sg=x; Path=/; HttpOnly; Secure; SameSite=None; Partitioned; Max-Age=3600"},
		{cookie.Out{Name: "sg", SameSite: http.SameSiteLaxMode, Life: -1}, "sg=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"},
		{cookie.Out{Name: "sg", SameSite: http.SameSiteStrictMode, Life: time.Millisecond}, "sg=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"},
	}
	for _, tt := range tests {
		if got := tt.out.String(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
	out := tests[2].out
	if n := testing.AllocsPerRun(100, func() { _ = out.String() }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParseSetCookie(f *testing.F) {
	f.Add("a=b; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=9", "/x/y")
	f.Add("a=\"b;c\"; Domain=.x; SameSite; ;=;", "")
	f.Fuzz(func(t *testing.T, line, path string) {
		c, err := cookie.ParseSetCookie(line, path, now)
		if err != nil {
			return
		}
		switch {
		case c.Name == "" || strings.ContainsAny(c.Name, "=;\r\n\x00") || strings.ContainsAny(c.Value, ";\r\n\x00"):
			t.Errorf("name %q or value %q would break the header", c.Name, c.Value)
		case !strings.HasPrefix(c.Path, "/"):
			t.Errorf("path %q", c.Path)
		case c.Delete && c.Expires.After(now), !c.Delete && !c.Expires.IsZero() && !c.Expires.After(now):
			t.Errorf("delete is %v, but it ends %v", c.Delete, c.Expires)
		}
	})
}
