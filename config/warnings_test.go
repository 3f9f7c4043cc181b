package config

import (
	"strings"
	"testing"
)

func TestWarnings(t *testing.T) {
	tests := []struct {
		name, says string
		change     func(*Site)
	}{
		{"plantable sign", "put on the page", whoami(func(w *Whoami) { w.Anonymous = []Sign{{Regex: "Sign in"}} })},
		{"sign that a limiter gives, too", "limiters", whoami(func(w *Whoami) { w.Anonymous = []Sign{{Status: []int{401, 403}}, {Redirect: "*/login*"}} })},
		{"sign of failure that says little", "token in another place", func(s *Site) {
			s.SignIn = []SignIn{{Paths: []string{"/a"}, Token: &Token{JSON: "t"}, Failed: []Sign{{Regex: "wrong"}, {Regex: "^wrong$"}}}}
		}},
		{"session left unsealed", "PHPSESSID", func(s *Site) { s.Leave = []string{"PHP*"} }},
		{"WordPress's sign-in left unsealed", "wordpress_logged_in_0", func(s *Site) { s.Leave = []string{"wordpress_*in*"} }},
		{"user from a header", "request header", func(s *Site) { s.User = "{http.request.header.X-User}" }},
		{"uncommon TOTP", "authenticator apps", func(s *Site) { s.TOTP = &TOTP{Digits: 8} }},
		{"nowhere to turn", "support", func(s *Site) { s.Require = "always" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			site := whole()
			tt.change(&site)
			got := site.Warnings()
			if len(got) != 1 || !strings.Contains(got[0], tt.says) {
				t.Errorf("got %q, want one with %q", got, tt.says)
			}
		})
	}
}

func TestPresetsGiveNoWarnings(t *testing.T) {
	for _, name := range names() {
		site, err := Site{Portal: name}.Resolved()
		if err != nil {
			t.Fatal(err)
		}
		if got := site.Warnings(); len(got) != 0 {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestNoWarnings(t *testing.T) {
	site := whole()
	site.Leave = []string{"theme_*", "XSRF-TOKEN", "wp-settings-*"}
	site.TOTP = &TOTP{Digits: 6, Period: seconds(30), Algorithm: "SHA1"}
	if got := site.Warnings(); len(got) != 0 {
		t.Errorf("got %q", got)
	}
}
