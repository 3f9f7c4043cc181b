package whoami_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
	"golang.org/x/net/html"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// wordPress is asked in two steps; strangers are recognised by the first.
var wordPress = config.Whoami{
	URI:       "/wp-json/wp/v2/users/me?context=edit",
	First:     &config.First{URI: "/wp-admin/admin-ajax.php?action=rest-nonce", Extract: config.Extractor{Regex: `^\s*([0-9a-f]{10})\s*$`}},
	Header:    map[string]string{"x-wp-nonce": "{first}", "Accept": "application/json"},
	Anonymous: []config.Sign{{Regex: `^\s*0\s*$`}},
	User:      &config.Extractor{JSON: ".username"},
}

func TestTwoSteps(t *testing.T) {
	q := compile(t, wordPress)
	if uri, ok := q.First(); !ok || uri != wordPress.First.URI || q.URI() != wordPress.URI {
		t.Errorf("asks %q, %v, then %q", uri, ok, q.URI())
	}
	token, _ := q.ExtractFirst(response(200, "0123456789\n"))
	if h := q.Headers(token); h.Get("X-WP-Nonce") != "0123456789" || h.Get("Accept") != "application/json" || len(h) != 2 {
		t.Errorf("token %q, headers %v", token, h)
	}
	tests := []struct {
		name string
		res  whoami.Response
		kind whoami.Kind
	}{
		{"stranger", response(400, "0"), whoami.Anonymous},
		{"headers too large for the web server", response(400, "<h1>400 Bad Request</h1>"), whoami.Unknown},
		{"token on an error page", response(500, "0123456789"), whoami.Unknown},
		{"redirect", response(302, "", "Location: /login"), whoami.Unknown},
		{"broken", response(200, "<p>Fatal error"), whoami.Unknown},
		{"truncated", whoami.Response{Status: 400, Body: []byte("0"), Truncated: true}, whoami.Unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if token, v := q.ExtractFirst(tt.res); token != "" || v.Kind != tt.kind || (v.Why != "") != (v.Kind == whoami.Unknown) {
				t.Errorf("token %q, verdict %+v", token, v)
			}
		})
	}
	if _, ok := compile(t, config.Whoami{URI: "/", User: byJSON("id")}).First(); ok {
		t.Error("a question of one step has a first one")
	}
}

// TestAttack_TokenIntoHeader: what a page yields can't end the header line.
func TestAttack_TokenIntoHeader(t *testing.T) {
	c := wordPress
	c.First = &config.First{URI: "/", Extract: config.Extractor{HTML: "meta[name=csrf]", Attr: "content"}}
	q := compile(t, c)
	for _, token := range []string{"a\r\nCookie: x=y", "a\x00", strings.Repeat("x", 5000)} {
		if got, v := q.ExtractFirst(response(200, `<meta name=csrf content="`+token+`">`)); got != "" || v.Kind != whoami.Unknown {
			t.Errorf("%.20q gives %q, %+v", token, got, v)
		}
	}
	if got, v := q.ExtractFirst(response(200, `<meta name=csrf content=a><meta name=csrf content=b>`)); got != "" || v.Kind != whoami.Unknown {
		t.Errorf("two tokens give %q, %+v", got, v)
	}
}

func TestAgree(t *testing.T) {
	alice := whoami.Verdict{Kind: whoami.User, User: "alice", Name: "Alice"}
	mail := whoami.Verdict{Kind: whoami.User, User: "alice", Email: "a@example.com"}
	doubt := whoami.Verdict{Why: "status 500"}
	apart := func(v whoami.Verdict) whoami.Verdict { v.Apart = true; return v }
	in := func(v whoami.Verdict, scopes uint64) whoami.Verdict { v.Scopes = scopes; return v }
	tests := []struct {
		name     string
		verdicts []whoami.Verdict
		want     whoami.Verdict
	}{
		{"apart, signed in to the first", []whoami.Verdict{apart(alice), apart(anonymous)}, in(alice, 1)},
		{"apart, signed in to the second", []whoami.Verdict{apart(anonymous), apart(alice)}, in(alice, 2)},
		{"apart, signed in to both", []whoami.Verdict{apart(alice), apart(alice)}, in(alice, 3)},
		{"apart, strangers", []whoami.Verdict{apart(anonymous), apart(anonymous)}, anonymous},
		{"apart, two users", []whoami.Verdict{apart(alice), apart(user("bob"))}, unknown},
		{"apart, a doubt", []whoami.Verdict{apart(alice), apart(doubt)}, unknown},
		{"apart, a doubt and a stranger", []whoami.Verdict{apart(anonymous), apart(doubt)}, unknown},
		{"one apart", []whoami.Verdict{alice, apart(anonymous)}, alice},
		{"one apart, a stranger in the other", []whoami.Verdict{apart(alice), anonymous}, unknown},
		{"a stranger, and one apart", []whoami.Verdict{anonymous, apart(alice)}, unknown},
		{"none", nil, unknown},
		{"one user", []whoami.Verdict{alice}, alice},
		{"same user", []whoami.Verdict{alice, mail}, whoami.Verdict{Kind: whoami.User, User: "alice", Name: "Alice", Email: "a@example.com"}},
		{"all anonymous", []whoami.Verdict{anonymous, anonymous}, anonymous},
		{"two users", []whoami.Verdict{alice, user("bob")}, unknown},
		{"user and anonymous", []whoami.Verdict{alice, anonymous}, unknown},
		{"anonymous and user", []whoami.Verdict{anonymous, alice}, unknown},
		{"user and doubt", []whoami.Verdict{alice, doubt}, unknown},
		{"anonymous and doubt", []whoami.Verdict{anonymous, doubt}, unknown},
		{"doubt first", []whoami.Verdict{doubt, anonymous}, unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := whoami.Agree(tt.verdicts)
			if (got.Why != "") != (got.Kind == whoami.Unknown) {
				t.Errorf("kind %v says why %q", got.Kind, got.Why)
			}
			got.Why = ""
			if got != tt.want {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// Why goes to the log: it must never hold what the portal's page said.
func TestWhyHoldsNothingOfThePage(t *testing.T) {
	const secret = "s3cret"
	for _, x := range []*config.Extractor{byHTML("b", ""), byHTML("b", "id"), byJSON("id"), {Regex: "<b>([^<]*)"}, {Header: "X-User"}} {
		q := compile(t, config.Whoami{Anonymous: []config.Sign{{Regex: "nobody"}}, User: x})
		for _, body := range []string{
			"<b>" + secret + "</b><b id=" + secret + ">x</b><b id=y>", `{"id":["` + secret + `","x"]}`, `{"id":"` + secret + `","id":1}`,
			"nobody <b>" + secret, "<b>" + secret + "\xff", `{"id":{"` + secret + `":1}}`, `{"id":"` + secret + `\u0000"}`,
		} {
			res := response(200, body, "X-User: "+secret, "X-User: x", "Content-Type: text/html; charset="+secret)
			for _, v := range []whoami.Verdict{q.Judge(res), q.Judge(response(200, body, "Content-Encoding: "+secret))} {
				if v.Kind == whoami.Unknown && (v.Why == "" || strings.Contains(v.Why, secret)) {
					t.Errorf("why: %q", v.Why)
				}
			}
		}
	}
}

func TestCompile_Refused(t *testing.T) {
	ok := config.Whoami{URI: "/me", Anonymous: []config.Sign{{Status: []int{401}}}, User: byJSON("id")}
	tests := []struct {
		name, want string
		change     func(*config.Whoami)
	}{
		{"no user", "user is missing", func(c *config.Whoami) { c.User = nil }},
		{"header that identifies", "header: authorization", func(c *config.Whoami) { c.Header = map[string]string{"authorization": "Basic x"} }},
		{"cookie", "header: Cookie", func(c *config.Whoami) { c.Header = map[string]string{"Cookie": "a=b"} }},
		{"normaliser", `normalize: "upper"`, func(c *config.Whoami) { c.Normalize = []string{"upper"} }},
		{"selector", `user: html "p["`, func(c *config.Whoami) { c.User = byHTML("p[", "") }},
		{"groups", "exactly one group", func(c *config.Whoami) { c.Name = &config.Extractor{Regex: "(a)(b)"} }},
		{"wildcard", `email: json "users.*"`, func(c *config.Whoami) { c.Email = byJSON("users.*") }},
		{"query", `first: json`, func(c *config.Whoami) { c.First = &config.First{Extract: *byJSON("a.#(b==1).c")} }},
		{"empty key", `user: json`, func(c *config.Whoami) { c.User = byJSON("a..b") }},
		{"sign's regex", "anonymous: regex", func(c *config.Whoami) { c.Anonymous = []config.Sign{{Regex: "("}} }},
		{"sign's selector", `anonymous: html`, func(c *config.Whoami) { c.Anonymous = []config.Sign{{HTML: "p["}} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := ok
			tt.change(&c)
			if _, err := whoami.Compile(c); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// FuzzJudge: whatever a portal answers, nothing panics, and a user is one that
// another parser finds in it too, alone.
func FuzzJudge(f *testing.F) {
	for _, s := range []string{
		`<input id=u value=alice>`, `<input id=u value=alice><input id=u value=bob>`, `{"id":"alice"}`, `{"id":1,"id":2}`, `{"id":["a",["b"]]}`,
		`uid=7; uid=8;`, `0`, `<form id=login><input id=u value=a>`, "\ufeff{\"id\":\"\\ud800\"}", `<svg><input id=u value=x>`, `<textarea><input id=u value=x>`,
	} {
		f.Add(200, s)
	}
	signs := []config.Sign{{Status: []int{401}}, {HTML: "form#login"}, {JSON: "error"}, {Regex: `^0$`}}
	question := func(x config.Extractor) *whoami.Question {
		return compile(f, config.Whoami{Anonymous: signs, User: &x})
	}
	byTag, byPath, byRegex := question(*byHTML("input#u", "value")), question(*byJSON("id")), question(config.Extractor{Regex: `uid=([0-9]+);`})
	uid := regexp.MustCompile(`uid=([0-9]+);`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		res := response(status, body)
		for _, q := range []*whoami.Question{byTag, byPath, byRegex} {
			if v := q.Judge(res); v.Kind == whoami.User && (v.User == "" || status < 200 || status > 299) {
				t.Errorf("user %q by status %d", v.User, status)
			}
		}
		if v := byTag.Judge(res); v.Kind == whoami.User && !onlyTag(body, v.User) {
			t.Errorf("%q is not the only value of %q", v.User, body)
		}
		if v := byPath.Judge(res); v.Kind == whoami.User {
			if flat := gjson.Get(strings.TrimPrefix(body, "\ufeff"), "id|@flatten:{\"deep\":true}"); !only(flat, v.User) {
				t.Errorf("%q is not the only value of %q, which is %s", v.User, body, flat.Raw)
			}
		}
		if v := byRegex.Judge(res); v.Kind == whoami.User {
			for _, m := range uid.FindAllStringSubmatch(body, -1) {
				if m[1] != v.User {
					t.Errorf("%q is beside %q in %q", m[1], v.User, body)
				}
			}
		}
	})
}

// only reports whether all text and numbers of a flat JSON array are id.
func only(flat gjson.Result, id string) bool {
	if !flat.IsArray() {
		return flat.String() == id || flat.Raw == id
	}
	for _, e := range flat.Array() {
		if e.Type == gjson.String && e.Str != id || e.Type == gjson.Number && e.Raw != id {
			return false
		}
	}
	return true
}

// onlyTag reports whether some tag in the tokens has the value. Tokens know nothing
// of the tree, so there may be more than the question sees.
func onlyTag(body, id string) bool {
	for z := html.NewTokenizer(strings.NewReader(body)); z.Next() != html.ErrorToken; {
		for _, a := range z.Token().Attr {
			if a.Key == "value" && a.Val == id {
				return true
			}
		}
	}
	return false
}
