package route_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/portal/cookie"
	"github.com/secondgate/secondgate/internal/portal/route"
)

func sealed(name string) bool {
	return slices.ContainsFunc([]string{"app.sess", "DokuWiki"}, func(s string) bool { return cookie.Same(s, name) })
}

// TestAttack_SessionIDInURL: a session id in the URL never reaches the portal, and
// nothing else of the URL changes.
func TestAttack_SessionIDInURL(t *testing.T) {
	tests := []struct{ in, want string }{
		{"/login.jsp;jsessionid=A1.node", "/login.jsp"},
		{"/login.jsp;JSESSIONID=A1?x=1", "/login.jsp?x=1"},
		{"/a;jsessionid=1/b;v=1;jsessionid=2;w=2/c", "/a/b;v=1;w=2/c"},
		{"/a;jsessionid", "/a"},
		{"/a%3bjsessionid=1/b%2Fc", "/a/b%2Fc"},
		{"/a;js%65ssionid=1;x", "/a;x"},
		{"/a;jsessionid=1%2f..%2fb", "/a"},
		{"/;jsessionid=1", "/"},
		{"/a;app_sess=1", "/a"},
		{"/(S(lit3py55t21z5v55vlm25s55))/orders.aspx", "/orders.aspx"},
		{"/(A(abc)S(x)F(ticket))/orders.aspx", "/orders.aspx"},
		{"/%28S%28x%29%29/a%20b", "/a%20b"},
		{"/(S(x))", "/"},
		{"/PHPSESSID=1/script.php", "/script.php"},
		{"/a/app.sess=1;v=2/b", "/a/b"},

		{"/?PHPSESSID=1", "/"},
		{"/?a=1&PHPSESSID=2&b=3", "/?a=1&b=3"},
		{"/?phpsessid=2&b=3", "/?b=3"},
		{"/?a=1;PHPSESSID=2", "/?a=1"},
		{"/?PHPSESSID=1;a=%7e&b", "/?a=%7e&b"},
		{"/?PHPSESSID", "/"},
		{"/?PHPSESSID[]=1", "/"},
		{"/?PHPSESSID%5b%5d=1", "/"},
		{"/?%50HPSESSID=1", "/"},
		{"/?+PHPSESSID=1", "/"},
		{"/?%20PHPSESSID=1", "/"},
		{"/?PHPSESSID%00x=1", "/"},
		{"/?app.sess=1&x=2", "/?x=2"},
		{"/?app_sess=1", "/"},
		{"/?app+sess=1", "/"},
		{"/?app[sess=1", "/"},
		{"/?app%5bsess=1", "/"},
		{"/?APP%2esess=1", "/"},
		{"/?DokuWiki=1&PHPSESSID=2&a=1&jsessionid=3", "/?a=1"},
	}
	for _, tt := range tests {
		u := parseURL(t, tt.in)
		if !route.StripSessionIDs(u, sealed) || u.String() != tt.want {
			t.Errorf("%s becomes %s, want %s", tt.in, u, tt.want)
		}
		if again := parseURL(t, u.String()); *again != *u {
			t.Errorf("%s leaves %#v, which is not what net/url reads", tt.in, u)
		}
	}
}

func TestStripSessionIDs_LeavesTheRest(t *testing.T) {
	for _, raw := range []string{
		"/", "/a;v=1;w=%3b/b", "/wiki/Foo_(bar)", "/a((b))", "/(S)", "/x%2Fy;a=%41", "/?", "/?a=1&&b=%zz;;c=+&", "/?sid=1&session_id=2", "/?x[jsessionid]=1",
		"/?a=PHPSESSID&xPHPSESSID=1", "/jsessionid", "/a=1/b=jsessionid", "/?=&=PHPSESSID", "/?app-sess=1",
	} {
		u := parseURL(t, raw)
		before := *u
		if route.StripSessionIDs(u, sealed) || *u != before {
			t.Errorf("%s becomes %s", raw, u)
		}
	}
}

func FuzzStripSessionIDs(f *testing.F) {
	for _, s := range []string{"/a;jsessionid=1/b?x=1&PHPSESSID=2", "/(S(x))/(F(y))", "/%3b;%3Bjsessionid=/;", "/?;&PHPSESSID;&&", "/?app%5Bsess=1&app[sess]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := url.ParseRequestURI(raw)
		if err != nil || !strings.HasPrefix(u.Path, "/") {
			return
		}
		before := *u
		changed := route.StripSessionIDs(u, sealed)
		if !changed && *u != before {
			t.Fatalf("%q became %#v unsaid", raw, u)
		}
		if unescaped, err := url.PathUnescape(u.EscapedPath()); err != nil || unescaped != u.Path {
			t.Fatalf("path %q and raw path %q differ, %v", u.Path, u.RawPath, err)
		}
		if route.StripSessionIDs(u, sealed) {
			t.Fatalf("%q had to be stripped twice", raw)
		}
		for _, pair := range strings.FieldsFunc(u.RawQuery, func(r rune) bool { return r == '&' || r == ';' }) {
			name, _, _ := strings.Cut(pair, "=")
			if name, err := url.QueryUnescape(name); err == nil && (strings.EqualFold(name, "PHPSESSID") || cookie.Same(name, "app.sess")) {
				t.Fatalf("%q keeps %q", raw, pair)
			}
		}
	})
}

func TestStripSessionIDs_NoAllocations(t *testing.T) {
	u := parseURL(t, "/clientarea.php?action=details&id=42&back=%2Fa")
	if n := testing.AllocsPerRun(100, func() { route.StripSessionIDs(u, sealed) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkStripSessionIDs(b *testing.B) {
	u := parseURL(b, "/clientarea.php?action=details&id=42&back=%2Fa")
	b.ReportAllocs()
	for b.Loop() {
		route.StripSessionIDs(u, sealed)
	}
}
