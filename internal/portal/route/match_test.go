package route_test

import (
	"testing"

	"github.com/secondgate/secondgate/internal/portal/route"
)

// The rows hold for Caddy's MatchPath as well (modules/caddyhttp/matchers_test.go has
// most of them).
func TestMatch(t *testing.T) {
	tests := []struct {
		pattern, path string
		want          bool
	}{
		{"*", "/anything", true},
		{"/", "/", true},
		{"/", "/foo", false},
		{"/foo", "/foo", true},
		{"/foo", "/foo/", false},
		{"/foo", "/FOO", true},
		{"/FOO", "/foo", true},
		{"/foo*", "/foobar", true},
		{"/foo*", "/foo", true},
		{"/foo*", "/bar/foo", false},
		{"/foo/*", "/foo", false},
		{"/foo/*", "/foo/", true},
		{"/foo/*", "/foo/a/b", true},
		{"/foo/*", "//foo/a", true},
		{"/foo/*", "/foo/../a", false},
		{"*.php", "/a/b.php", true},
		{"*.php", "/a/b.php/x", false},
		{"*/ob*", "/foo/bar", false},
		{"*/ba*", "/foo/bar", true},
		{"/a/*/b", "/a/x/b", true},
		{"/a/*/b", "/a/x/y/b", false},
		{"/a*b*", "/axbx", true},
		{"/a*b*", "/axb/x", false},
		{"/a[", "/a[", false},
		{"**", "/a", true},
	}
	for _, tt := range tests {
		if got := route.Match(tt.pattern, tt.path); got != tt.want {
			t.Errorf("Match(%q, %q) = %v", tt.pattern, tt.path, got)
		}
	}
	for pattern, want := range map[string]bool{"/foo*": true, "/a%2fb": false, "/{x}": false, "/a//b": false} {
		if route.Simple(pattern) != want {
			t.Errorf("Simple(%q) is not %v", pattern, want)
		}
	}
}

func TestPatterns_SlashAtTheEnd(t *testing.T) {
	got, _ := route.Variants(nil, "/jsonrpc/")
	if !(route.Patterns{"/jsonrpc"}).Any(got) {
		t.Error("a slash at the end opens a denied door")
	}
}

func TestMatch_NoAllocations(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { route.Match("/foo/*", "/foo/bar.php") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
