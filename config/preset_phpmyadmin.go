package config

// phpmyadmin is phpMyAdmin with one database server and its sign-in form (auth_type
// "cookie"). Every page that a stranger asks for begins another session, so nothing may
// be asked between the form and its sending: watch unsafe. Its cookies are encrypted
// anew with every response, so every request is asked about and rotates spares nothing.
//
// The sign of strangers is narrow on purpose. The form is also shown to a user who is
// signed in while the database refuses connections, and then with an error: with its
// number behind a #, with the name MySQL (checked in all translations), or with PHP's own
// below #pma_errors. A page with such an error says nothing; that of a session that lay
// idle is no such error. With a choice of servers, or a server to type in, a user name
// is not an identity; then neither rule holds and no request gets through.
func phpmyadmin() Preset {
	return Preset{
		Portal: "phpMyAdmin 5.2 with one server (no AllowArbitraryServer) and auth_type cookie, at the root of its host",
		Tried:  "5.2.1",
		Sources: []string{
			"phpMyAdmin libraries/classes/Plugins/Auth/AuthenticationCookie.php, Plugins/AuthenticationPlugin.php, Session.php, Common.php, Header.php;",
			"templates/login/form.twig; js/src (5.2.1, as packaged in Debian 12)",
		},
		Site: Site{
			Whoami: []Whoami{{
				URI: "/index.php?route=/user-password",
				Anonymous: []Sign{{HTML: `body:not(:has(#pma_errors, .col-12 > .alert:contains("#"), .col-12 > .alert:contains("MySQL"))) ` +
					`#login_form:not(:has([name=pma_servername])) input[type=hidden][name=server]`}},
				User: &Extractor{HTML: "html:not(:has(#select_server)) head script", Regex: phpmyadminUser},
				Name: &Extractor{HTML: "html:not(:has(#select_server)) head script", Regex: phpmyadminUser},
			}},
			Watch: "unsafe",
			SignIn: []SignIn{{
				Paths: []string{"/index.php?route=/"}, Page: "/",
				Username: "pma_username", Password: "pma_password",
			}},
			SignOut: []string{"/index.php?route=/logout"},
			Public:  paths("/js/*", "/themes/*"),
			Deny:    paths("/setup*"),
		},
		Notes: Notes{
			"whoami.0":             "A small page that names the user, and has a choice of servers where there are several.",
			"whoami.0.anonymous.0": "The form, for one server only, without an error of the database.",
			"whoami.0.user":        "The account of the one database server; it tells upper from lower case.",
			"watch":                "Every page for strangers begins another session, and a form of an older one is refused.",
			"public":               "Files that the sign-in page loads. With cookies they would cause questions, which end the form's session.",
			"deny":                 "The set-up script requires no password.",
		},
	}
}

// phpmyadminUser finds the name in what every page gives its scripts.
const phpmyadminUser = `logged_in:true,[^\n]*,user:"((?:[^"\\\n]|\\.)+)"\}\);`
