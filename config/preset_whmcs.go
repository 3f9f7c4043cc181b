package config

// whmcs is the client area of WHMCS. It asks for the profile of the *user*, not for the
// details of the client account, which several users may share. The staff area keeps its
// users in a session of their own that no page of the client area knows, and so it is shut.
func whmcs() Preset {
	return Preset{
		Portal: "WHMCS 8 or later, at the root of its host",
		Sources: []string{
			"WHMCS/templates-twenty-one login.tpl, user-profile.tpl (8); WHMCS/templates-six;",
			"developers.whmcs.com: API authentication, CreateSsoToken; docs.whmcs.com: Single Sign-On into WHMCS",
		},
		Site: Site{
			Whoami: []Whoami{{
				URI:       "/index.php?rp=/user/profile",
				Anonymous: []Sign{{Redirect: "*/login*"}},
				User:      &Extractor{HTML: "#inputEmail[value]", Attr: "value"},
				Name:      &Extractor{HTML: "#inputFirstName", Attr: "value"},
				Email:     &Extractor{HTML: "#inputEmail[value]", Attr: "value"},
				Normalize: []string{"trim", "lower"},
			}},
			SignIn: []SignIn{{
				Paths: []string{"/dologin.php", "/index.php?rp=/login", "/login"}, Page: "/index.php?rp=/login",
				Username: "username", Password: "password",
			}},
			SignOut: []string{"/logout.php"},
			Deny:    paths("/admin*", "/includes/api.php", "/install*"),
		},
		Notes: Notes{
			"whoami.0":      "The user. Several users may share the account of one client.",
			"whoami.0.user": "The only id that the page shows; the same field of the sign-in form has no value.",
			"deny":          "Staff, who are other users; the API, which takes its key in the body; the installer.",
		},
	}
}
