package config

// roundcube is Roundcube at the root of its host. Two cookies make a session, and one
// of them alone destroys it; whoami is asked with all.
//
// A user is known by the hash that Roundcube makes once for each and keeps in its
// database: the names that its pages show are e-mail addresses that people may change.
func roundcube() Preset {
	return Preset{
		Portal: "Roundcube 1.5 or later, at the root of its host",
		Tried:  "1.6.5",
		Sources: []string{
			"Roundcube index.php; program/include/rcmail.php, rcmail_output_html.php; program/lib/Roundcube/rcube_session.php, rcube_user.php;",
			"skins/elastic/ui.js (1.6.5, as packaged in Debian 12)",
		},
		Site: Site{
			Whoami: []Whoami{{
				URI:       "/?_task=settings&_action=about",
				Anonymous: []Sign{{HTML: "form[name=login-form] input[name=_user]"}},
				User:      &Extractor{Regex: `rcmail\.set_env\(\{[^\n]*?"user_id":"([^"\\]{8,64})"`},
				Name:      &Extractor{HTML: ".username"},
			}},
			Rotates: ptr(true),
			SignIn: []SignIn{{
				Paths: []string{"/?_task=login"}, Page: "/?_task=login",
				Username: "_user", Password: "_pass",
			}},
			SignOut: []string{"/?_task=logout"},
			Leave:   []string{"colorMode"},
			Deny:    paths("/installer*"),
		},
		Notes: Notes{
			"whoami.0":      "A page that needs no mail server.",
			"whoami.0.user": "A random value that Roundcube keeps for each user; the shown address can be changed.",
			"rotates":       "A sign-in destroys the session before it and gives another id.",
			"leave":         "Scripts and templates read the dark mode from it.",
			"deny":          "The installer shows the configuration.",
		},
	}
}
