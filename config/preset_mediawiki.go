package config

// mediawiki is MediaWiki with $wgScriptPath "". It asks the API, because that knows the
// number of a user and answers on wikis that strangers cannot read as well.
//
// The API treats a request with the header Treat-as-Untrusted as a stranger's, while every
// other page knows the user: the question would be answered wrongly for as long as
// a request has it. So requests with it are refused.
func mediawiki() Preset {
	return Preset{
		Portal: "MediaWiki 1.35 or later, with $wgScriptPath = \"\"",
		Tried:  "1.39.17",
		Sources: []string{
			"MediaWiki includes/api/ApiMain.php, ApiQuery.php, ApiQueryUserInfo.php, ApiQueryWatchlist.php, ApiFeedWatchlist.php; includes/auth/AuthManager.php;",
			"includes/session/SessionBackend.php; includes/specialpage/LoginSignupSpecialPage.php (1.39.17, as packaged in Debian 12)",
		},
		Site: Site{
			Whoami: []Whoami{{
				URI:       "/api.php?action=query&meta=userinfo&uiprop=email&format=json&formatversion=2",
				Anonymous: []Sign{{JSON: "query.userinfo.anon", Value: ptr("true")}},
				User:      &Extractor{JSON: "query.userinfo.id", Not: []string{"0"}},
				Name:      &Extractor{JSON: "query.userinfo.name"},
				Email:     &Extractor{JSON: "query.userinfo.email"},
			}},
			Rotates: ptr(true),
			SignIn: []SignIn{
				{
					Paths: []string{"/index.php?title=Special:UserLogin"}, Page: "/index.php?title=Special:UserLogin",
					Username: "wpName", Password: "wpPassword",
				},
				{Username: "lgname", Password: "lgpassword"},
			},
			SignOut: []string{"/index.php?title=Special:UserLogout"},
			Deny:    append(append(paths("/mw-config*"), queries("wltoken")...), matcher("header", map[string][]string{"Treat-As-Untrusted": {"*"}})),
		},
		Notes: Notes{
			"whoami.0.user": "The number stays the same when an account is renamed; 0 means that no user is signed in.",
			"rotates":       "AuthManager gives every sign-in another session id and deletes the old session.",
			"sign_in.1":     "The sign-in of the API, for bots.",
			"deny":          "The installer; a watchlist, which needs only a token; and a header that makes the API,\nand so whoami, treat a signed-in user as a stranger.",
		},
	}
}

func ptr[T any](v T) *T { return &v }
