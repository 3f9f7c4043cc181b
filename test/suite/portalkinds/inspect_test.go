package portalkinds

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/onboard/inspect"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// learned is what inspect must write of a kind, and must not write.
var learned = map[string]struct{ lines, never []string }{
	"usual":           {lines: []string{"rotates"}, never: []string{"leave", "watch unsafe"}},
	"cookie-only":     {lines: []string{"rotates"}, never: []string{"leave", "watch unsafe"}},
	"renamed":         {lines: []string{"rotates"}, never: []string{"leave", "watch unsafe", "jsessionid"}},
	"replaced":        {lines: []string{"watch unsafe", "sign_in /login {", "page /login"}, never: []string{"leave"}},
	"several-cookies": {lines: []string{"rotates"}, never: []string{"leave", "watch unsafe"}},
	"pinned":          {lines: []string{"rotates"}, never: []string{"leave", "watch unsafe"}},
	"no-path":         {lines: []string{"rotates", "whoami /members/me"}, never: []string{"leave", "watch unsafe"}},
	"odd-attributes":  {never: []string{"leave", "watch unsafe"}},
}

// unlearnable are kinds with a property that is not visible from outside: a second part with its
// own sign-in that no link leads to, sessions bound to a header that only some browsers send, and
// an id within a text.
var unlearnable = []string{"two-scopes", "pinned-encoding", "over-lines"}

// TestInspect learns each kind that signs in by a form, and takes a customer through a
// gateway with what was written, unedited.
func TestInspect(t *testing.T) {
	for _, k := range slices.Concat(bySessions, byName, byAddress, bySize, byCompression) {
		if slices.Contains(unlearnable, k.name) {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			port := harness.FreePort(t)
			text := learn(t, &k, "http://127.0.0.1:"+port)
			p := k.shorter() // another, as inspect tries what breaks sessions
			server := httptest.NewServer(p)
			t.Cleanup(server.Close)
			site, upstream, ok := strings.Cut(promptly(text), "reverse_proxy ")
			if !ok {
				t.Fatalf("no upstream:\n%s", text)
			}
			_, rest, _ := strings.Cut(upstream, "\n")
			h := harness.StartWhole(t, nil, "{\n"+harness.GlobalLines+"\ttwo_factor {\n\t\tstorage memory DIR\n\t}\n}\n"+
				site+"reverse_proxy "+strings.TrimPrefix(server.URL, "http://")+"\n"+rest)
			h.URL = "http://127.0.0.1:" + port
			(&journey{t: t, k: &k, p: p, h: h, visitor: k.visitor(t, h)}).run()
		})
	}
}

// withoutParameters takes ;jsessionid=… out of paths, as servlet containers do before
// an application sees them. A gateway does so too.
func withoutParameters(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path, _, _ = strings.Cut(r.URL.Path, ";")
		next.ServeHTTP(w, r)
	})
}

// asServed is a portal behind a proxy that tells it that the scheme is HTTP.
func asServed(p http.Handler) http.Handler {
	return withoutParameters(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("X-Forwarded-Proto", "http")
		p.ServeHTTP(w, r)
	}))
}

// learn inspects a portal of the kind.
func learn(t *testing.T, k *kind, site string) string {
	t.Helper()
	p := k.shorter()
	server := httptest.NewServer(asServed(p))
	defer server.Close()
	report, err := inspect.Inspect(t.Context(), inspect.Options{
		URL: server.URL + p.base + "/", Site: site,
		Customers: []browse.Account{{User: "alice", Password: "pw-alice"}, {User: "bob", Password: "pw-bob"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range learned[k.name].lines {
		if !strings.Contains(report.Caddyfile, "\t"+line) {
			t.Errorf("no %q in\n%s", line, report.Caddyfile)
		}
	}
	for _, word := range learned[k.name].never {
		if strings.Contains(report.Caddyfile, "\n\t\t"+word) {
			t.Errorf("%q in\n%s", word, report.Caddyfile)
		}
	}
	if report.User == "" || t.Failed() {
		t.Fatalf("%+v", report)
	}
	return report.Caddyfile
}
