package config

// blesta is the client area of Blesta. The page for editing one's own data names the
// user that the session belongs to; for contacts and managers that is their own user,
// not the client's. The staff area keeps its users in the same session, where no page of
// the client area knows them, and so it is shut.
func blesta() Preset {
	return Preset{
		Portal: "Blesta 5, client area at /client/ of the root of its host",
		Sources: []string{
			"Blesta app/controllers/client_login.php, client_main.php, api.php; app/client_controller.php; app/views/client/bootstrap/structure.pdt (5);",
			"docs.blesta.com: API, Shared Login",
		},
		Site: Site{
			Whoami: []Whoami{{
				URI:       "/client/main/edit/",
				Anonymous: []Sign{{Redirect: "*/login*"}},
				User:      &Extractor{HTML: "input[name=username]", Attr: "value"},
				Name:      &Extractor{HTML: "input[name=username]", Attr: "value"},
				Email:     &Extractor{HTML: "input[name=email]", Attr: "value"},
				Normalize: []string{"trim", "lower"},
			}},
			SignIn: []SignIn{{
				Paths: []string{"/client/login*", "/index.php/client/login*"}, Page: "/client/login/",
				Username: "username", Password: "password",
			}},
			SignOut: []string{"/client/logout*", "/index.php/client/logout*"},
			Deny:    paths("/admin*", "/index.php/admin*", "/api/*", "/index.php/api/*", "/install*", "/index.php/install*"),
		},
		Notes: Notes{
			"whoami.0":      "The user of the session. Several users may share the account of one client.",
			"whoami.0.user": "It changes only where e-mail addresses are the user names.",
			"deny":          "Staff, who are other users in the same session; the API, which may do everything; the installer.",
		},
	}
}
