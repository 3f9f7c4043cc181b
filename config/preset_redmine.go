package config

import "slices"

// redmine is Redmine at the root of its host. It asks for the form by which people
// sign out, because it is the one page that Redmine also shows to those who must first
// change their password or set up its own second factor: on every other page they would
// be neither users nor strangers. Asking for it doesn't sign the user out; that takes a POST.
//
// Every sign-in goes through reset_session (logged_user=, try_to_autologin), and the
// session is kept in the cookie itself.
func redmine() Preset {
	return Preset{
		Portal: "Redmine 4 or later, at the root of its host",
		Tried:  "5.0.4",
		Sources: []string{
			"Redmine app/controllers/application_controller.rb, account_controller.rb, my_controller.rb, sys_controller.rb, mail_handler_controller.rb;",
			"app/views/layouts/base.html.erb; config/application.rb, settings.yml (5.0.4, as packaged in Debian 12)",
		},
		Site: Site{
			Whoami: []Whoami{{
				URI:       "/logout",
				Anonymous: []Sign{{Redirect: "*://*/"}, {Redirect: "*/login"}, {Redirect: "*/login?*"}},
				User:      &Extractor{HTML: "#loggedas a", Attr: "href", Regex: `/users/([0-9]+)$`},
				Name:      &Extractor{HTML: "#loggedas a"},
			}},
			Rotates: ptr(true),
			SignIn: []SignIn{{
				Paths: []string{"/login"}, Page: "/login",
				Username: "username", Password: "password",
			}},
			SignOut: []string{"/logout"},
			Deny: slices.Concat(
				paths("/sys/*", "/mail_handler*"), queries("key"), redmineAPI("*.json"), redmineAPI("*.xml"),
				[]MatcherSet{matcher("query", map[string][]string{"format": {"json", "xml"}})},
			),
		},
		Notes: Notes{
			"whoami.0":             "The form for signing out: shown in every state that an account can be in.",
			"whoami.0.anonymous.0": "Strangers are sent to the start page.",
			"whoami.0.anonymous.1": "Users with an expired session are redirected to the sign-in page.",
			"whoami.0.user":        "The user's number; names can change.",
			"rotates":              "Every sign-in resets the session, and the session is in the cookie itself.",
			"deny":                 "Interfaces for machines, keys in the address that stand for a user, and the REST API,\nbut not files of that kind.",
		},
	}
}

// redmineAPI are the addresses of the REST API that end like this; files may end so too.
func redmineAPI(pattern string) []MatcherSet {
	set := paths(pattern)[0]
	set["not"] = matcher("not", []MatcherSet{matcher("path", []string{"/attachments/*", "*/repository/*"})})["not"]
	return []MatcherSet{set}
}
