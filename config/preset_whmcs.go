package config

// whmcs asks for the profile of the *user*, not for the details of the client account,
// which several users may share.
func whmcs() Preset {
	return Preset{
		Portal: "WHMCS 8 or later, at the root of its host",
		Sources: []string{
			"WHMCS/templates-twenty-one user-profile.tpl, login.tpl (8)",
		},
		Site: Site{
			Whoami: []Whoami{{
				URI:       "/index.php?rp=/user/profile",
				Anonymous: []Sign{{Redirect: "*/login*"}},
				User:      &Extractor{HTML: "#inputEmail", Attr: "value"},
				Name:      &Extractor{HTML: "#inputFirstName", Attr: "value"},
				Email:     &Extractor{HTML: "#inputEmail", Attr: "value"},
				Normalize: []string{"trim", "lower"},
			}},
			SignIn: []SignIn{{
				Paths: []string{"/dologin.php", "/index.php?rp=/login", "/login"}, Page: "/index.php?rp=/login",
				Username: "username", Password: "password",
			}},
			SignOut: []string{"/logout.php"},
		},
	}
}
