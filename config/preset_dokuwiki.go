package config

// dokuwiki signs in on almost any URL, by GET too, so the field names are what counts;
// the session id stays the same at the sign-in, so it never rotates.
func dokuwiki() Preset {
	return Preset{
		Portal:  "DokuWiki, at the root of its host",
		Tried:   "2022-07-31",
		Sources: []string{"DokuWiki inc/auth.php, inc/Ui/UserProfile.php, inc/Menu/Item/Login.php, lib/exe (2022-07-31)"},
		Site: Site{
			Whoami: []Whoami{{
				URI:       "/doku.php?id=start&do=profile",
				Anonymous: []Sign{{HTML: ".action.login"}},
				User:      &Extractor{HTML: "input[name=login]", Attr: "value"},
				Name:      &Extractor{HTML: "input[name=fullname]", Attr: "value"},
				Email:     &Extractor{HTML: "input[name=email]", Attr: "value"},
			}},
			SignIn:  []SignIn{{Page: "/doku.php?id=start&do=login", Username: "u", Password: "p"}},
			SignOut: []string{"/doku.php?do=logout"},
			Leave:   []string{"DOKU_PREFS"},
			Deny:    paths("/lib/exe/xmlrpc.php", "/lib/exe/jsonrpc.php"),
		},
		Notes: Notes{
			"whoami.0":             "Without a page id another page answers.",
			"whoami.0.anonymous.0": "The item of the user menu that only strangers have.",
			"sign_in.0":            "It signs in at almost any URL, so sign-ins are recognised by the names of the fields.",
			"leave":                "Its scripts store the state of the editor and of folded parts in them.",
			"deny":                 "Take the password in the body.",
		},
	}
}
