package route_test

import (
	"net/url"
	"testing"

	"github.com/secondgate/secondgate/internal/portal/route"
)

func parseURL(t testing.TB, raw string) *url.URL {
	t.Helper()
	u, err := url.ParseRequestURI(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestAttack_ScriptAsAsset: what may run a script is no asset.
func TestAttack_ScriptAsAsset(t *testing.T) {
	for raw, want := range map[string]bool{
		"/style.css": true, "/a/b.min.js": true, "/logo.PNG": true, "/my%20font.woff2": true, "/jquery-3.6.0/x.js": true, "/chart.js/dist/x.js": true,
		"/x.css?ver=6.1": true, "/x.css?v=2&ver=3-beta_1": true, "/x.css?4f2a91c": true, "/x.css?v=": true,
		"/x.css?v=5.2.1deb1%2Bdeb12u1": true, "/x.css?v=5.2.1deb1+deb12u1~bpo1%2b1": true,
		"/": false, "/style": false, "/style.css/": false, "/a.css/b": false, "/data.json": false, "/bill.pdf": false, "/x.php": false, "/x.css.php": false,
		"/admin/users.php/x.js": false, "/admin/users.PHP/x.js": false, "/admin/users.do/a/x.js": false, "/list.action/x.css": false,
		"/admin/users.jsp;.js": false, "/admin/users.jsp%3b.js": false, "/x;a.css": false, "/x/..;/a.css": false,
		"/admin%2fx.css": false, "/admin%5cx.css": false, `/admin\x.css`: false, "/users.php%00.css": false, "/users.php%3f.css": false, "/users.php%23.css": false, "/users%252ephp.css": false,
		"//x.css": false, "/../x.css": false, "/a/./x.css": false, "/.css": false, "/%2e%2e/x.css": false, "/b%C3%BCro.css": false,
		"/p.php/x.css?u=a&p=b": false, "/x.css?u=a&p=b": false, "/x.css?ver=6.1&key=1": false, "/x.css?logout": false, "/x.css?ver=%41": false, "/x.css?ver=%2": false, "/x.css?ver=%252B": false, "/x.css?v=1;a=2": false, "/x.css?&v=1": false,
		"/x.css?ver=0123456789012345678901234567890123456789a": false,
	} {
		if got := route.IsAsset("GET", parseURL(t, raw), false); got != want {
			t.Errorf("%s is an asset: %v", raw, got)
		}
	}
	u := parseURL(t, "/x.css")
	if !route.IsAsset("HEAD", u, false) || route.IsAsset("POST", u, false) || route.IsAsset("get", u, false) || route.IsAsset("GET", u, true) {
		t.Error("only GET and HEAD without a body are for assets")
	}
}

func TestIsAssetType(t *testing.T) {
	for contentType, want := range map[string]bool{
		"text/css": true, "Text/CSS; charset=utf-8": true, "application/javascript": true, "image/svg+xml": true, "font/woff2": true, "application/x-font-ttf": true, " image/png ": true,
		"": false, "image/": false, "text/html": false, "text/plain": false, "application/json": false, "application/octet-stream": false, "text/html, image/png": false, "images/png": false,
	} {
		if route.IsAssetType(contentType) != want {
			t.Errorf("%q is an asset's type: %v", contentType, !want)
		}
	}
}

func TestIsAsset_NoAllocations(t *testing.T) {
	u, page := parseURL(t, "/wp-includes/css/dist/style.min.css?ver=6.1.1"), parseURL(t, "/clientarea.php?action=details")
	n := testing.AllocsPerRun(100, func() {
		if !route.IsAsset("GET", u, false) || route.IsAsset("GET", page, false) || !route.IsAssetType("text/css; charset=utf-8") {
			t.Fatal("wrong")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkIsAsset(b *testing.B) {
	u := parseURL(b, "/wp-includes/css/dist/style.min.css?ver=6.1.1")
	b.ReportAllocs()
	for b.Loop() {
		route.IsAsset("GET", u, false)
	}
}
