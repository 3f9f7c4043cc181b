package caddyplugin

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// prepared returns a request as the server hands it to its routes.
func prepared(t testing.TB, method, uri string) (*http.Request, *caddy.Replacer, map[string]any) {
	t.Helper()
	repl := caddy.NewReplacer()
	r := caddyhttp.PrepareRequest(httptest.NewRequest(method, uri, nil), repl, httptest.NewRecorder(), new(caddyhttp.Server))
	return r, repl, r.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
}

func constant(name, value string) caddy.ReplacerFunc {
	return func(key string) (any, bool) { return value, key == name }
}

// TestI1_Snapshot: a question gets what was there when the request came to the gate, and
// nothing that was added later.
func TestI1_Snapshot(t *testing.T) {
	if err := checkLayout(); err != nil {
		t.Fatal(err)
	}
	_, repl, vars := prepared(t, http.MethodGet, "http://a.example/page")
	repl.Set("http.auth.user.id", "alice")
	repl.Set("http.request.uri.path", "/forged")
	repl.Map(constant("mapped", "alice"))
	vars["login"] = "alice"
	b := newBehind(nil, new(gateMark), vars, repl)
	repl.Set("http.auth.user.id", "bob")
	repl.Set("late", "bob")
	repl.Map(constant("late_mapped", "bob"))
	vars["login"], vars["late"] = "bob", "bob"

	q, questions, _ := prepared(t, http.MethodGet, "http://a.example/me")
	b.repeat(q, questions)
	questions.Map(constant("mapped", "behind"))
	got := questions.ReplaceKnown("{http.auth.user.id} {mapped} {http.vars.login} {http.vars.late} {http.request.uri.path} {late} {late_mapped}", "")
	if want := "alice alice alice  /me {late} {late_mapped}"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if caddyhttp.GetVar(q.Context(), passedGate) == nil {
		t.Error("the question has not the gate's mark")
	}
}

// TestI1_SnapshotRace: handlers behind the gate add placeholders while questions read
// the snapshot. It shows something under -race.
func TestI1_SnapshotRace(t *testing.T) {
	_, repl, vars := prepared(t, http.MethodGet, "/")
	repl.Map(constant("mapped", "alice"))
	repl.Set("set", "alice")
	b := newBehind(nil, new(gateMark), vars, repl)
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 100 {
			repl.Map(constant("late", "bob"))
			repl.Set("set", "bob")
		}
	})
	for range 100 {
		q, questions, _ := prepared(t, http.MethodGet, "/me")
		b.repeat(q, questions)
		if got := questions.ReplaceAll("{mapped} {set} {late}", ""); got != "alice alice " {
			t.Fatal(got)
		}
	}
	wg.Wait()
}

// TestQuestion_Protocol: it is the request's, so that Via and the `protocol` matcher
// are the same.
func TestQuestion_Protocol(t *testing.T) {
	for _, tt := range []struct {
		proto, want  string
		major, minor int
	}{{"HTTP/1.0", "HTTP/1.0", 1, 0}, {"HTTP/2.0", "HTTP/2.0", 2, 0}, {"HTTP/3.0", "HTTP/3.0", 3, 0}} {
		base, _, _ := prepared(t, http.MethodGet, "/")
		base.Proto, base.ProtoMajor, base.ProtoMinor, base.TLS = tt.proto, tt.major, tt.minor, new(tls.ConnectionState)
		q, _ := question(t.Context(), base, base.URL, http.Header{}, nil, nil)
		if q.Proto != tt.want || q.ProtoMajor != tt.major || q.ProtoMinor != tt.minor || q.TLS != base.TLS {
			t.Errorf("%s: %s %d.%d", tt.proto, q.Proto, q.ProtoMajor, q.ProtoMinor)
		}
	}
}

// BenchmarkNewBehind is what the snapshot costs each request: one allocation where
// nothing was stored before the gate.
func BenchmarkNewBehind(b *testing.B) {
	for name, store := range map[string]func(*caddy.Replacer, map[string]any){
		"nothing stored":       func(*caddy.Replacer, map[string]any) {},
		"map":                  func(repl *caddy.Replacer, _ map[string]any) { repl.Map(constant("x", "y")) },
		"regexp with 3 values": func(repl *caddy.Replacer, _ map[string]any) { repl.Set("a", ""); repl.Set("b", ""); repl.Set("c", "") },
		"root":                 func(_ *caddy.Replacer, vars map[string]any) { vars["root"] = "/srv" },
	} {
		b.Run(name, func(b *testing.B) {
			_, repl, vars := prepared(b, http.MethodGet, "/")
			store(repl, vars)
			mark := new(gateMark)
			b.ReportAllocs()
			for b.Loop() {
				kept = newBehind(nil, mark, vars, repl)
			}
		})
	}
}

var kept *behind
