package caddyplugin

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/secondgate/secondgate/config"
)

// Site.Caddyfile writes every site that the parser reads so that the parser reads it again.
func TestCaddyfileRoundTripsGoldenFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/adapt/*.caddyfiletest")
	if err != nil {
		t.Fatal(err)
	}
	written := 0
	for _, file := range files {
		if strings.HasPrefix(filepath.Base(file), "error_") {
			continue
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		input, _, _ := strings.Cut(string(content), "----------\n")
		for _, site := range adaptedSites(t, adapt(t, input)) {
			roundTrip(t, file, site)
			written++
		}
	}
	if written < 8 {
		t.Errorf("only %d sites were written", written)
	}
}

func TestCaddyfileRoundTripsPresets(t *testing.T) {
	for _, p := range config.Presets() {
		text, err := p.Caddyfile()
		if err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
		roundTrip(t, p.Name, p.Site)
		roundTrip(t, p.Name, config.Site{Portal: p.Name})
		compareSites(t, text, p.Site, adaptedSites(t, adapt(t, siteOf(text)))[0])
	}
}

// TestCaddyfileNotes puts a hostile comment above every setting: none changes what is read.
func TestCaddyfileNotes(t *testing.T) {
	t.Setenv("SECONDGATE_TEST", "x\n\t\trequire always")
	content, err := os.ReadFile("testdata/adapt/everything.caddyfiletest")
	if err != nil {
		t.Fatal(err)
	}
	input, _, _ := strings.Cut(string(content), "----------\n")
	site := adaptedSites(t, adapt(t, input))[0]
	wantEverything(t, site)
	notes := config.Notes{}
	for _, path := range []string{
		"", "realm", "issuer", "path", "portal", "leave", "credential.0", "credential.1", "whoami.0", "whoami.0.anonymous.0",
		"whoami.0.user", "whoami.0.name", "whoami.0.email", "whoami.0.lower", "rotates", "watch", "sign_in.0", "sign_in.0.page", "sign_in.0.username",
		"sign_in.0.password", "sign_out", "public", "deny", "guest", "trust", "require", "enrol_mail", "session", "recheck", "settle", "totp", "totp.digits", "totp.period",
		"totp.algorithm", "totp.skew", "backup_codes", "throttle", "throttle.free", "throttle.wait", "throttle.max", "throttle.stop", "throttle.address",
		"brand", "brand.name", "brand.logo", "brand.accent", "brand.css", "support",
	} {
		notes[path] = "of [" + path + "]\rtwo_factor {\n}\x00 {$SECONDGATE_TEST} \"`<<END\n\n\u2028\xff\\"
	}
	text, err := site.Caddyfile(notes)
	if err != nil {
		t.Fatal(err)
	}
	for path := range notes {
		if n := strings.Count(text, "# of ["+path+"]"); n != 1 {
			t.Errorf("the note of %q is there %d times", path, n)
		}
	}
	compareSites(t, text, site, adaptedSites(t, adapt(t, siteOf(text)))[0])
}

// wantEverything fails the test unless the site has all settings, except user, which excludes
// whoami.
func wantEverything(t *testing.T, site config.Site) {
	t.Helper()
	var given map[string]any
	if err := json.Unmarshal([]byte(canonical(t, site)), &given); err != nil {
		t.Fatal(err)
	}
	for _, row := range config.SiteRows {
		if _, ok := given[row.Name()]; !ok && row.Name() != "user" {
			t.Errorf("everything.caddyfiletest lacks %s", row.Name())
		}
	}
}

// roundTrip writes the site and reads it again, without a warning: it is formatted too.
func roundTrip(t *testing.T, where string, site config.Site) {
	t.Helper()
	text, err := site.Caddyfile(nil)
	if err != nil {
		t.Errorf("%s: %v", where, err)
		return
	}
	out := adapt(t, siteOf(text))
	if !strings.HasPrefix(out, "{") {
		t.Errorf("%s: %s\n%s", where, out, text)
		return
	}
	compareSites(t, text, site, adaptedSites(t, out)[0])
}

func siteOf(text string) string {
	return ":8080 {\n" + text + "\trespond \"behind\"\n}\n"
}

func compareSites(t *testing.T, text string, want, got config.Site) {
	t.Helper()
	if want.Realm == "" {
		want.Realm = defaultRealm // which the adapter writes out: see nameRealm
	}
	if a, b := canonical(t, want), canonical(t, got); a != b {
		t.Errorf("%s\nreads as %s\nwas      %s", text, b, a)
	}
}

// canonical is JSON in which everything is escaped in one way.
func canonical(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(b, &plain); err != nil {
		t.Fatal(err)
	}
	if b, err = json.Marshal(plain); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// adaptedSites finds the two_factor handlers in adapted JSON, wherever they are.
func adaptedSites(t *testing.T, adapted string) (sites []config.Site) {
	t.Helper()
	var root any
	if err := json.Unmarshal([]byte(adapted), &root); err != nil {
		t.Fatalf("%v: %s", err, adapted)
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if v["handler"] == "two_factor" {
				delete(v, "handler")
				delete(v, "admin") // of the global options
				delete(v, "source")
				sites = append(sites, siteFrom(t, v))
				return
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(root)
	return sites
}

func siteFrom(t *testing.T, v any) (site config.Site) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	if err := d.Decode(&site); err != nil {
		t.Fatal(err)
	}
	return site
}

// FuzzCaddyfileRoundTrip puts any text into any setting. A valid site is written and read back
// unchanged, or is refused because no Caddyfile can express it.
func FuzzCaddyfileRoundTrip(f *testing.F) {
	for _, text := range []string{
		"", "a", "#id", "a b", "a\tb", "a\nb", "a\r\nb", `"`, "`", "\"`", "\\", `a\`, `\"`, "\\\"`", "\\\"`\r", "{", "}", "{}", "{a", "not", "json", "regex", "<<", "<<END", "<<END\nx\nEND", `\<`,
		"{$HOME}", "{$", "{host}", "{query.user}", "{http.auth.user.id}", "{first}", "{env.X}", "{file./x}", "é", "\xff", "\ufeff", "\u00a0", "\u2028", "'", "//", "*", "/*",
		"@x", "import x", "^([0-9a-f]{10})$", `href="([a-z]+)"`, "`x\\\"y`", "a\\\nb", "(x)", "0", "-", "END", "\x00",
	} {
		for field := range byte(len(fuzzed)) {
			f.Add(text, field)
		}
	}
	f.Fuzz(func(t *testing.T, text string, field byte) {
		site := fuzzSite()
		fuzzed[int(field)%len(fuzzed)](&site, text)
		if _, err := site.Resolved(); err != nil {
			return
		}
		written, err := site.Caddyfile(nil)
		if err != nil {
			if !unsayable(text) {
				t.Errorf("%q in %d: %v", text, field, err)
			}
			return
		}
		out, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(siteOf(written)), map[string]any{"filename": "Caddyfile"})
		if err != nil {
			t.Fatalf("%q in %d: %v\n%s", text, field, err, written)
		}
		compareSites(t, written, site, adaptedSites(t, string(out))[0])
	})
}

// unsayable are the texts that Site.Caddyfile may refuse, because Caddy replaces or drops them.
func unsayable(text string) bool {
	return strings.Contains(text, "{$") || strings.ContainsRune(text, '\uFFFD') || strings.ToValidUTF8(text, "") != text || text == "not" || text == "json" || text == "regex" ||
		strings.Contains(text, "{") && strings.Contains(text, "}") || strings.Contains(text, "\r")
}

func fuzzSite() config.Site {
	return config.Site{
		Whoami: []config.Whoami{{
			URI: "/me", Header: map[string]string{"X-Nonce": "{first}"},
			First:     &config.First{URI: "/nonce", Extract: config.Extractor{JSON: "nonce"}},
			Anonymous: []config.Sign{{Status: []int{401}}},
			User:      &config.Extractor{JSON: "id"}, Name: &config.Extractor{HTML: "b"},
		}},
		SignIn: []config.SignIn{{Paths: []string{"/login"}}},
		Brand:  &config.Brand{},
	}
}

// fuzzed put a text into a setting, one for each way in which settings are written.
var fuzzed = []func(*config.Site, string){
	func(s *config.Site, v string) { s.Whoami[0].User = &config.Extractor{HTML: "a", Attr: v, JSON: "id"} },
	func(s *config.Site, v string) { s.Whoami[0].User = &config.Extractor{HTML: "a", JSON: v} },
	func(s *config.Site, v string) {
		s.Whoami[0].Anonymous = []config.Sign{{HTML: "a", Attr: v, JSON: "id", Value: &v}}
	},
	func(s *config.Site, v string) { s.Issuer = v },
	func(s *config.Site, v string) { s.Brand.Name = v },
	func(s *config.Site, v string) { s.Brand.CSS = v + ".css" },
	func(s *config.Site, v string) { s.Support = "https://example.com/" + v },
	func(s *config.Site, v string) { s.Leave = []string{"a", v} },
	func(s *config.Site, v string) { s.Credential = []config.Credential{{Query: v}} },
	func(s *config.Site, v string) { s.SignOut = []string{"/" + v, "/b"} },
	func(s *config.Site, v string) { s.SignIn[0].Username = v },
	func(s *config.Site, v string) { s.SignIn[0].Page = "/" + v },
	func(s *config.Site, v string) {
		s.Credential = []config.Credential{{Header: "Authorization"}}
		s.SignIn[0].Token = &config.Token{JSON: "t"}
		s.SignIn[0].Failed = []config.Sign{{Regex: v}, {JSON: "a", Value: &v}, {HTML: "a", Attr: v, JSON: "id"}, {Status: []int{400, 422}}}
	},
	func(s *config.Site, v string) { s.Deny = pathSets("/"+v, "/b") },
	func(s *config.Site, v string) { s.Deny = pathSets("*" + v) },
	func(s *config.Site, v string) { s.Trust = []config.MatcherSet{matcherSet("method", []string{v})} },
	func(s *config.Site, v string) {
		s.Guest = []config.MatcherSet{matcherSet("query", map[string][]string{"q": {v, "x"}})}
	},
	func(s *config.Site, v string) {
		s.Public = []config.MatcherSet{matcherSet("header", map[string][]string{"X-A": {v}, "X-B": nil})}
	},
	func(s *config.Site, v string) {
		s.Public = []config.MatcherSet{matcherSet("not", []config.MatcherSet{matcherSet("path", []string{v})})}
	},
	func(s *config.Site, v string) { s.Whoami[0].URI = "/" + v },
	func(s *config.Site, v string) { s.Whoami[0].Header["X-Nonce"] = v + "{first}" },
	func(s *config.Site, v string) { s.Whoami[0].First.Extract = config.Extractor{Regex: v + "(x)"} },
	func(s *config.Site, v string) {
		s.Whoami[0].Anonymous = []config.Sign{{Regex: v}, {JSON: "a", Value: &v}}
	},
	func(s *config.Site, v string) { s.Whoami[0].Anonymous = []config.Sign{{Redirect: v}} },
	func(s *config.Site, v string) { s.Whoami[0].User = &config.Extractor{HTML: v, Not: []string{v, "x"}} },
	func(s *config.Site, v string) { s.Whoami[0].User = &config.Extractor{JSON: v, Not: []string{v}} },
	func(s *config.Site, v string) { s.Whoami[0].Name.Attr = v },
}

func pathSets(list ...string) (sets []config.MatcherSet) {
	for _, p := range list {
		sets = append(sets, matcherSet("path", []string{p}))
	}
	return sets
}

func matcherSet(name string, v any) config.MatcherSet {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return config.MatcherSet{name: raw}
}
