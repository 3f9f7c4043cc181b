package config

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestValidateNamesWhatIsWrong(t *testing.T) {
	ptr := func(n int) *int { return &n }
	value := "x"
	tests := []struct {
		name, where, says string
		change            func(*Site)
	}{
		{"no whoami", "whoami", "no setting says who is signed in", func(s *Site) { s.Whoami = nil }},
		{"unknown preset", "portal", PresetNames(), func(s *Site) { s.Portal = "joomla" }},
		{"realm with a slash", "realm", `"a/b"`, func(s *Site) { s.Realm = "a/b" }},
		{"own path is the root", "path", `"/"`, func(s *Site) { s.Path = "/" }},
		{"own path ends with a slash", "path", "without an end slash", func(s *Site) { s.Path = "/2fa/" }},
		{"own path climbs", "path", `"/a/../b"`, func(s *Site) { s.Path = "/a/../b" }},
		{"own path is relative", "path", `"two-factor"`, func(s *Site) { s.Path = "two-factor" }},
		{"issuer with a colon", "issuer", "colon", func(s *Site) { s.Issuer = "Shop: Finland" }},
		{"issuer with a line break", "issuer", "control", func(s *Site) { s.Issuer = "Shop\n" }},
		{"issuer too long", "issuer", "100 characters", func(s *Site) { s.Issuer = strings.Repeat("ä", 101) }},
		{"leave everything", "leave.1", "every cookie", func(s *Site) { s.Leave = []string{"a", "**"} }},
		{"leave what is no name", "leave.0", `"a b"`, func(s *Site) { s.Leave = []string{"a b"} }},
		{"credential cookie", "credential.0.header", "builds it itself", func(s *Site) { s.Credential = []Credential{{Header: "cookie"}} }},
		{"credential with underscore", "credential.0.header", "never arrives", func(s *Site) { s.Credential = []Credential{{Header: "X_Key"}} }},
		{"credential that is no header", "credential.0.header", `"X Key"`, func(s *Site) { s.Credential = []Credential{{Header: "X Key"}} }},
		{"credential twice", "credential.0", "2 credentials", func(s *Site) { s.Credential = []Credential{{Header: "X-Key", Query: "k"}} }},
		{"credential query", "credential.0.query", `"a=b"`, func(s *Site) { s.Credential = []Credential{{Query: "a=b"}} }},
		{"user beside whoami", "user", "exclude", func(s *Site) { s.User = "{http.auth.user.id}" }},
		{"user without braces", "user", "placeholder", func(s *Site) { s.Whoami, s.User = nil, "alice" }},
		{"user that the client chooses", "user", "client chooses", func(s *Site) { s.Whoami, s.User = nil, "{http.request.uri.query.user}" }},
		{"watch", "watch", "all or unsafe", func(s *Site) { s.Watch = "some" }},
		{"require", "require", "optional or always", func(s *Site) { s.Require = "never" }},
		{"sign_in says nothing", "sign_in.0", "neither", func(s *Site) { s.SignIn = []SignIn{{}} }},
		{"sign_in path", "sign_in.0.paths.1", `"login"`, func(s *Site) { s.SignIn = []SignIn{{Paths: []string{"/a", "login"}}} }},
		{"sign_in page", "sign_in.0.page", `"https://x/"`, func(s *Site) { s.SignIn = []SignIn{{Paths: []string{"/a"}, Page: "https://x/"}} }},
		{"sign_in field", "sign_in.0.username", `"user name"`, func(s *Site) { s.SignIn = []SignIn{{Username: "user name"}} }},
		{"token without a path", "sign_in.0.token", "no path with a response", func(s *Site) {
			s.Credential = []Credential{{Header: "X-Token"}}
			s.SignIn = []SignIn{{Username: "u", Token: &Token{JSON: "t"}}}
		}},
		{"token nowhere", "sign_in.0.token", "no path to the token", func(s *Site) {
			s.Credential = []Credential{{Header: "X-Token"}}
			s.SignIn = []SignIn{{Paths: []string{"/a"}, Token: &Token{}}}
		}},
		{"token without a header", "sign_in.0.token", "no header is declared", func(s *Site) {
			s.SignIn = []SignIn{{Paths: []string{"/a"}, Token: &Token{JSON: "t"}}}
		}},
		{"token in one of two headers", "sign_in.0.token", "no header is declared", func(s *Site) {
			s.Credential = []Credential{{Header: "X-Token"}, {Header: "X-Other"}}
			s.SignIn = []SignIn{{Paths: []string{"/a"}, Token: &Token{JSON: "t"}}}
		}},
		{"failed without a token", "sign_in.0.failed", "no token is declared", func(s *Site) {
			s.SignIn = []SignIn{{Paths: []string{"/a"}, Failed: []Sign{{Status: []int{401}}}}}
		}},
		{"failed with a status of success", "sign_in.0.failed.1", "status 200", func(s *Site) {
			s.Credential = []Credential{{Header: "X-Token"}}
			s.SignIn = []SignIn{{Paths: []string{"/a"}, Token: &Token{JSON: "t"}, Failed: []Sign{{JSON: "error"}, {Status: []int{400, 200}}}}}
		}},
		{"failed with a status of failure", "sign_in.0.failed.0", "status 500", func(s *Site) {
			s.Credential = []Credential{{Header: "X-Token"}}
			s.SignIn = []SignIn{{Paths: []string{"/a"}, Token: &Token{JSON: "t"}, Failed: []Sign{{Status: []int{500}}}}}
		}},
		{"failed without a sign", "sign_in.0.failed.0", "0 signs", func(s *Site) {
			s.Credential = []Credential{{Header: "X-Token"}}
			s.SignIn = []SignIn{{Paths: []string{"/a"}, Token: &Token{JSON: "t"}, Failed: []Sign{{}}}}
		}},
		{"settle", "settle", "out of bounds", func(s *Site) { d := minutes(2); s.Settle = &d }},
		{"settle below 0", "settle", "out of bounds", func(s *Site) { d := -seconds(1); s.Settle = &d }},
		{"sign_out elsewhere", "sign_out.1", `"//x/logout"`, func(s *Site) { s.SignOut = []string{"/a", "//x/logout"} }},
		{"sign_out with a broken query", "sign_out.0", `"/?do=%zz"`, func(s *Site) { s.SignOut = []string{"/?do=%zz"} }},
		{"an undecidable matcher", "deny.1", "the matcher expression", func(s *Site) {
			s.Deny = []MatcherSet{matcher("path", []string{"/a"}), matcher("expression", "{path} == '/a'")}
		}},
		{"an undecidable matcher within not", "guest.0", "not: the matcher vars_regexp", func(s *Site) {
			s.Guest = []MatcherSet{matcher("not", []MatcherSet{matcher("vars_regexp", map[string]any{})})}
		}},
		{"a placeholder in a matcher", "public.0", "placeholder", func(s *Site) {
			s.Public = []MatcherSet{matcher("query", map[string][]string{"a": {"{http.vars.x}"}})}
		}},
		{"trust everything", "trust.0", "every request", func(s *Site) { s.Trust = []MatcherSet{{}} }},
		{"trust every path", "trust.1", "every request", func(s *Site) { s.Trust = paths("/hook", "/*") }},
		{"deny everything", "deny.0", "every request", func(s *Site) { s.Deny = paths("*") }},
		{"session too long", "session.life", "400", func(s *Site) { s.Session = &Session{Life: hours(24*400 + 1)} }},
		{"idle beyond life", "session.idle", "longer than the whole life", func(s *Site) { s.Session = &Session{Life: hours(1), Idle: hours(2)} }},
		{"idle too short", "session.idle", "10s", func(s *Site) { s.Session = &Session{Idle: seconds(10)} }},
		{"recheck negative", "recheck", "-1s", func(s *Site) { d := seconds(-1); s.Recheck = &d }},
		{"digits", "totp.digits", "6 or 8", func(s *Site) { s.TOTP = &TOTP{Digits: 7} }},
		{"period too short", "totp.period", "5s", func(s *Site) { s.TOTP = &TOTP{Period: seconds(5)} }},
		{"period not whole", "totp.period", "whole", func(s *Site) { s.TOTP = &TOTP{Period: seconds(30) + 1} }},
		{"algorithm", "totp.algorithm", `"MD5"`, func(s *Site) { s.TOTP = &TOTP{Algorithm: "MD5"} }},
		{"skew", "totp.skew", "0 or 1", func(s *Site) { s.TOTP = &TOTP{Skew: ptr(2)} }},
		{"too few backup codes", "backup_codes", "4 to 20", func(s *Site) { s.BackupCodes = 3 }},
		{"too many backup codes", "backup_codes", "4 to 20", func(s *Site) { s.BackupCodes = 21 }},
		{"stop above 100", "throttle.stop", "101", func(s *Site) { s.Throttle = &Throttle{Stop: 101} }},
		{"free negative", "throttle.free", "-1", func(s *Site) { s.Throttle = &Throttle{Free: ptr(-1)} }},
		{"free beyond stop", "throttle.free", "already stop", func(s *Site) { s.Throttle = &Throttle{Free: ptr(10), Stop: 10} }},
		{"max below wait", "throttle.max", "shorter than the first wait", func(s *Site) { s.Throttle = &Throttle{Wait: minutes(5), Max: minutes(1)} }},
		{"address without count", "throttle.address", "0 is out of bounds", func(s *Site) { s.Throttle = &Throttle{Address: &Rate{Per: minutes(1)}} }},
		{"address without time", "throttle.address", "30/10m", func(s *Site) { s.Throttle = &Throttle{Address: &Rate{Count: 1}} }},
		{"accent", "brand.accent", `"green"`, func(s *Site) { s.Brand = &Brand{Accent: "green"} }},
		{"accent with four digits", "brand.accent", `"#0a5f"`, func(s *Site) { s.Brand = &Brand{Accent: "#0a5f"} }},
		{"logo", "brand.logo", ".svg", func(s *Site) { s.Brand = &Brand{Logo: "/srv/logo.exe"} }},
		{"css", "brand.css", ".css", func(s *Site) { s.Brand = &Brand{CSS: "/srv/logo.svg"} }},
		{"support script", "support", "javascript", func(s *Site) { s.Support = "javascript:alert(1)" }},
		{"support words", "support", "e-mail", func(s *Site) { s.Support = "ask reception" }},

		{"whoami relative", "whoami.0", `"account"`, whoami(func(w *Whoami) { w.URI = "account" })},
		{"whoami elsewhere", "whoami.0", `"//evil"`, whoami(func(w *Whoami) { w.URI = "//evil" })},
		{"whoami at the own pages", "whoami.0", "own pages", whoami(func(w *Whoami) { w.URI = "/two-factor/x?y" })},
		{"whoami with a glob", "whoami.0", "one page that is asked", whoami(func(w *Whoami) { w.URI = "/account/*" })},
		{"whoami with a fragment", "whoami.0", `"/a#b"`, whoami(func(w *Whoami) { w.URI = "/a#b" })},
		{"no user", "whoami.0.user", "no user could ever be recognised", whoami(func(w *Whoami) { w.User = nil })},
		{"no sign", "whoami.0.anonymous", "strangers could never", whoami(func(w *Whoami) { w.Anonymous = nil })},
		{"selector", "whoami.0.user", `"input["`, whoami(func(w *Whoami) { w.User.HTML = "input[" })},
		{"two sources", "whoami.0.user", "2 sources", whoami(func(w *Whoami) { w.User.Header = "X-User" })},
		{"three sources", "whoami.0.user", "3 sources", whoami(func(w *Whoami) { w.User = &Extractor{HTML: "a", JSON: "b", Regex: "(c)"} })},
		{"header in an element", "whoami.0.user", "3 sources", whoami(func(w *Whoami) { w.User = &Extractor{HTML: "a", JSON: "b", Header: "C"} })},
		{"path in an element", "whoami.0.user", "not a path", whoami(func(w *Whoami) { w.User = &Extractor{HTML: "a", JSON: "b..c"} })},
		{"groups in an element", "whoami.0.user", "2 groups", whoami(func(w *Whoami) { w.User = &Extractor{HTML: "a", Regex: "(b)(c)"} })},
		{"selector before a path", "whoami.0.user", "not a CSS selector", whoami(func(w *Whoami) { w.User = &Extractor{HTML: "a[", JSON: "b"} })},
		{"too many questions", "whoami", "at most 16", func(s *Site) { s.Whoami = slices.Repeat(s.Whoami, 17) }},
		{"sign of an empty page", "whoami.0.anonymous.0", "an empty page", whoami(func(w *Whoami) { w.Anonymous[0] = Sign{HTML: "body:not(.member), form"} })},
		{"sign with an attribute", "whoami.0.anonymous.0", "belongs to html", whoami(func(w *Whoami) { w.Anonymous[0] = Sign{HTML: "a", Attr: "b"} })},
		{"sign with three", "whoami.0.anonymous.0", "3 signs", whoami(func(w *Whoami) { w.Anonymous[0] = Sign{HTML: "a", JSON: "b", Regex: "c"} })},
		{"sign in an element", "whoami.0.anonymous.0", "not a path", whoami(func(w *Whoami) { w.Anonymous[0] = Sign{HTML: "a", JSON: "b."} })},
		{"attribute without html", "whoami.0.name", "belongs to html", whoami(func(w *Whoami) { w.Name = &Extractor{JSON: "a", Attr: "b"} })},
		{"regex without group", "whoami.0.user", "0 groups", whoami(func(w *Whoami) { w.User = &Extractor{Regex: "id=[0-9]+"} })},
		{"regex with two groups", "whoami.0.user", "2 groups", whoami(func(w *Whoami) { w.User = &Extractor{Regex: "(a)(b)"} })},
		{"regex that does not compile", "whoami.0.email", "compile", whoami(func(w *Whoami) { w.Email = &Extractor{Regex: "(a"} })},
		{"regex for nothing", "whoami.0.user", "empty page", whoami(func(w *Whoami) { w.User = &Extractor{Regex: "(a*)"} })},
		{"json without a key", "whoami.0.user", `"user..id"`, whoami(func(w *Whoami) { w.User = &Extractor{JSON: "user..id"} })},
		{"json that ends in a dot", "whoami.0.user", `"user."`, whoami(func(w *Whoami) { w.User = &Extractor{JSON: "user."} })},
		{"header extractor", "whoami.0.user", "builds it itself", whoami(func(w *Whoami) { w.User = &Extractor{Header: "Set-Cookie"} })},
		{"two signs in one", "whoami.0.anonymous.0", "2 signs", whoami(func(w *Whoami) { w.Anonymous[0].HTML = "a" })},
		{"empty sign", "whoami.0.anonymous.1", "0 signs", whoami(func(w *Whoami) { w.Anonymous = append(w.Anonymous, Sign{}) })},
		{"value without json", "whoami.0.anonymous.0", "belongs to json", whoami(func(w *Whoami) { w.Anonymous[0].Value = &value })},
		{"every redirect", "whoami.0.anonymous.0", "every redirect", whoami(func(w *Whoami) { w.Anonymous[0].Redirect = "*" })},
		{"status 200", "whoami.0.anonymous.0", "also the answer to users", whoami(func(w *Whoami) { w.Anonymous = []Sign{{Status: []int{200}}} })},
		{"status 503", "whoami.0.anonymous.0", "failing portal", whoami(func(w *Whoami) { w.Anonymous = []Sign{{Status: []int{401, 503}}} })},
		{"status 400", "whoami.0.anonymous.0", "users can provoke it", whoami(func(w *Whoami) { w.Anonymous = []Sign{{Status: []int{400}}} })},
		{"question with a password", "whoami.0.header", "another user", whoami(func(w *Whoami) { w.Header = map[string]string{"authorization": "Basic x"} })},
		{"question with a placeholder", "whoami.0.header", `"{env.KEY}"`, whoami(func(w *Whoami) { w.Header = map[string]string{"X-Key": "{env.KEY}"} })},
		{"normaliser", "whoami.0.normalize", `"upper"`, whoami(func(w *Whoami) { w.Normalize = []string{"upper"} })},
		{"normaliser twice", "whoami.0.normalize", "twice", whoami(func(w *Whoami) { w.Normalize = []string{"trim", "trim"} })},
		{"first that nothing uses", "whoami.0.first", "no header uses", whoami(func(w *Whoami) { w.First = &First{URI: "/n", Extract: Extractor{JSON: "n"}} })},
		{"{first} without first", "whoami.0.header", "without a first", whoami(func(w *Whoami) { w.Header = map[string]string{"X-N": "{first}"} })},
		{"first without extractor", "whoami.0.first", "0 sources", whoami(func(w *Whoami) {
			w.First, w.Header = &First{URI: "/n"}, map[string]string{"X-N": "{first}"}
		})},
		{"header with a line break", "whoami.0.header", "control characters", whoami(func(w *Whoami) { w.Header = map[string]string{"X-N": "a\r\nB: c"} })},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			site := whole()
			tt.change(&site)
			_, err := site.Resolved()
			var bad *Error
			if !errors.As(err, &bad) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if bad.Where != tt.where || !strings.Contains(bad.Problem, tt.says) {
				t.Errorf("got %q, want it at %q with %q", bad, tt.where, tt.says)
			}
			if tt.says != "2 credentials" && !strings.Contains(bad.Problem, "want") {
				t.Errorf("%q does not say what would be right", bad)
			}
		})
	}
}

func whoami(change func(*Whoami)) func(*Site) {
	return func(s *Site) { change(&s.Whoami[0]) }
}

func TestValidateAccepts(t *testing.T) {
	zero, none := 0, Duration(0)
	sites := map[string]func(*Site){
		"nothing more":           func(*Site) {},
		"deep own path":          func(s *Site) { s.Path = "/-/two_factor.v1" },
		"recheck 0":              func(s *Site) { s.Recheck = &none },
		"settle 0":               func(s *Site) { s.Settle = &none },
		"skew 0":                 func(s *Site) { s.TOTP = &TOTP{Skew: &zero} },
		"free 0":                 func(s *Site) { s.Throttle = &Throttle{Free: &zero} },
		"400 days":               func(s *Site) { s.Session = &Session{Life: maxLife, Idle: maxLife} },
		"short accent":           func(s *Site) { s.Brand = &Brand{Accent: "#0A5"} },
		"long accent":            func(s *Site) { s.Brand = &Brand{Accent: "#00aa55", Logo: "logo.SVG"} },
		"support by mail":        func(s *Site) { s.Support = "support@example.com" },
		"support by phone":       func(s *Site) { s.Support = "+358 9 123 4567" },
		"support by web":         func(s *Site) { s.Support = "https://example.com/help?topic=2fa" },
		"fields without path":    func(s *Site) { s.SignIn = []SignIn{{Username: "u"}} },
		"one root path":          func(s *Site) { s.Deny = paths("/") },
		"whoami beside path":     whoami(func(w *Whoami) { w.URI = "/two-factors?x=%20" }),
		"status 404":             whoami(func(w *Whoami) { w.Anonymous = []Sign{{Status: []int{404, 302}}} }),
		"json with a dot before": whoami(func(w *Whoami) { w.User = &Extractor{JSON: `.user.na\.me`} }),
		"sign_out by its query":  func(s *Site) { s.SignOut = []string{"/doku.php?do=logout", "/logout*"} },
		"json array":             whoami(func(w *Whoami) { w.User = &Extractor{JSON: "users.0.id"} }),
	}
	for name, change := range sites {
		t.Run(name, func(t *testing.T) {
			site := whole()
			change(&site)
			if _, err := site.Resolved(); err != nil {
				t.Error(err)
			}
		})
	}
}
