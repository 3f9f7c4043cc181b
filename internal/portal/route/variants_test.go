package route_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/portal/route"
)

// variants returns the readings of a raw path.
func variants(t *testing.T, raw string) ([]string, bool) {
	t.Helper()
	u, err := url.ParseRequestURI(raw)
	if err != nil {
		t.Fatal(err)
	}
	return route.Variants(nil, u.Path)
}

// TestAttack_SideDoorAliases: every alias that some server takes for a denied path
// is among its variants.
func TestAttack_SideDoorAliases(t *testing.T) {
	const door = "/xmlrpc.php"
	for _, raw := range []string{
		"/xmlrpc.php", "//xmlrpc.php", "/xmlrpc%2ephp", "/xmlrpc%252ephp", "/xmlrpc%25252ephp", "/XMLRPC.PHP", "/%58mlrpc.php",
		"/xmlrpc.php/", "/xmlrpc.php/x", "/xmlrpc.php/x.css", "/xmlrpc.php;x=1", "/xmlrpc.php;/x", "/xmlrpc.php%3bx", "/;x/xmlrpc.php",
		"/wp-admin/..%2fxmlrpc.php", "/wp-admin/..;/xmlrpc.php", "/wp-admin/..%3b/xmlrpc.php", `/wp-admin/..\xmlrpc.php`, "/wp-admin/..%5cxmlrpc.php",
		"/./xmlrpc.php", "/a/../xmlrpc.php", "/../xmlrpc.php", "/a//../../xmlrpc.php", "/%2e/xmlrpc.php", "/%252e%252e/xmlrpc.php", `/\xmlrpc.php`,
		"/xmlrpc.php%00", "/xmlrpc.php%00.css", "/xmlrpc.php%3fx", "/xmlrpc.php%23x", "/xmlrpc.php.", "/xmlrpc.php%20", "/xmlrpc.php::$DATA", "/XmlRpc.PHP.%20/x",
		"/a/..%20/xmlrpc.php",
		"/PHPSESSID=x/xmlrpc.php", "/(S(x))/xmlrpc.php", "/%28S(x))/xmlrpc.php", "/a/jsessionid=x/../xmlrpc.php", "/xmlrpc.php/(S(x))",
	} {
		got, ok := variants(t, raw)
		if !ok || !slices.Contains(got, door) || !(route.Patterns{door}).Any(got) {
			t.Errorf("%s reads as %q, %v", raw, got, ok)
		}
	}
}

func TestAttack_TrustAlias(t *testing.T) {
	hooks := route.Patterns{"/hooks/*", "*.css"}
	for raw, want := range map[string]bool{
		"/hooks/stripe": true, "/hooks/a%20b": true, "/hooks/x/../y": true, "/hooks/stripe.php/paid": true, "/Hooks/Stripe": false,
		"/hooks/..;/manager/": false, "/hooks/../manager": false, "/hooks/%2e%2e/manager": false, "/hooks/..%252fmanager": false,
		`/hooks/..\manager`: false, "/hooks%00/x": false, "/admin/users.php/x.css": false, "/admin/users.jsp;.css": false, "/admin%3f.css": false,
		"/hooks/PHPSESSID=x/../manager": false, "/hooks/(S(x))/../manager": false, "/hooks/(S(x))/y": true,
	} {
		got, ok := variants(t, raw)
		if !ok || hooks.All(got) != want {
			t.Errorf("%s is trusted: %v; it reads as %q, %v", raw, !want, got, ok)
		}
	}
}

// TestAll_Case: a server to which case matters takes another spelling for another page, one
// to which it does not reads it as the pattern's.
func TestAll_Case(t *testing.T) {
	rule := route.Patterns{"/Hooks/*", "/open"}
	for raw, want := range map[string]bool{
		"/Hooks/stripe": true, "/Hooks/Stripe": true, "/open": true, "/hooks/stripe": false, "/HOOKS/stripe": false, "/Open": false,
	} {
		got, ok := variants(t, raw)
		if !ok || rule.All(got) != want || !rule.Any(got) {
			t.Errorf("%s is opened: %v; it reads as %q, %v", raw, !want, got, ok)
		}
	}
}

// TestAll_NamedScript: rules work for portals that put /index.php/ before every path.
func TestAll_NamedScript(t *testing.T) {
	guest := route.Patterns{"/index.php/login*", "/open*"}
	for raw, want := range map[string]bool{
		"/index.php/login": true, "/index.php/login/flow": true, "/Index.php/Login": false,
		"/index.php": false, "/index.php/admin": false, "/index.php/login/../admin": false, "/index.php/login/..;/..": false,
		"/open/..;/index.php": false, "/admin.php/login": false,
	} {
		got, ok := variants(t, raw)
		if !ok || guest.All(got) != want {
			t.Errorf("%s is a guest's: %v; it reads as %q, %v", raw, !want, got, ok)
		}
	}
}

func TestVariants_Bounds(t *testing.T) {
	for _, raw := range []string{
		strings.Repeat("/a", 5000) + "%",
		"/%" + strings.Repeat("25", 300) + "41",
		`/A%252525\..;x/B.php/%20./;//..%2f%5c%00/?#x`,
	} {
		got, ok := route.Variants(nil, raw)
		if ok || len(got) > route.MaxVariants {
			t.Errorf("%.30s has %d variants, %v", raw, len(got), ok)
		}
	}
	dst := []string{"kept"}
	if got, ok := route.Variants(dst, "/A"); !ok || !slices.Equal(got, []string{"kept", "/A", "/a"}) {
		t.Errorf("appended %q, %v", got, ok)
	}
	if (route.Patterns{"*"}).All(nil) {
		t.Error("no variants match everything")
	}
}

// Honest paths have few variants, or rules would refuse them.
func TestVariants_HonestPathsAreFine(t *testing.T) {
	for _, raw := range []string{
		"/", "/account", "/index.php", "/wiki/Talk:Foo_(bar)", "/W%C3%B6rter/B%C3%BCcher%20(alt)/Seite;v=1", "/.well-known/acme", "/index.php/apps/files/Foo%2FBar",
	} {
		if got, ok := variants(t, raw); !ok || len(got) > 24 {
			t.Errorf("%s has %d variants, %v: %q", raw, len(got), ok, got)
		}
	}
}

func FuzzVariants(f *testing.F) {
	for _, s := range []string{"/xmlrpc.php/x", "/a/..;/b", "/%2e%2e/", `\..\A.PHP/.`, "/x%00/y", "//", ".", "", "/..", "a.php/", "/A" + strings.Repeat("\xee", 4000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, p string) {
		got, ok := route.Variants(nil, p)
		if len(got) == 0 || got[0] != p || len(got) > route.MaxVariants {
			t.Fatalf("%q", got)
		}
		if !ok {
			return
		}
		for i, v := range got {
			if slices.Contains(got[i+1:], v) {
				t.Fatalf("%q is there twice", v)
			}
			again, ok := route.Variants(nil, v) // a reading of a reading is one as well
			if !ok {
				t.Fatalf("%q has too many variants, %q has not", v, p)
			}
			for _, w := range again {
				if !slices.Contains(got, w) {
					t.Fatalf("%q reads as %q, which is no variant of %q: %q", v, w, p, got)
				}
			}
		}
	})
}

func TestVariants_NoAllocations(t *testing.T) {
	var buf [8]string
	n := testing.AllocsPerRun(100, func() {
		if got, ok := route.Variants(buf[:0], "/clientarea.php"); !ok || len(got) != 1 {
			t.Fatal(got)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkVariants(b *testing.B) {
	b.ReportAllocs()
	var buf [8]string
	for b.Loop() {
		route.Variants(buf[:0], "/account/services/list.php")
	}
}
