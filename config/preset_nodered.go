package config

// nodeRED knows its users by a bearer token, which the editor keeps and sends in a header.
// Other ways for it (in the query, in a body) are shut wherever tokens are declared.
func nodeRED() Preset {
	yes := "true"
	return Preset{
		Portal: "Node-RED 1 or later, at the root of its host, with users under adminAuth",
		Tried:  "4.1.8",
		Sources: []string{
			"node-red/node-red packages/node_modules/@node-red/editor-api/lib/auth, lib/editor/comms.js, ../runtime/lib/api/settings.js (4.1.8)",
			"jaredhanson/passport-http-bearer lib/strategy.js (1.0.1)",
		},
		Site: Site{
			Credential: []Credential{{Header: "Authorization"}},
			Whoami: []Whoami{{
				URI:       "/settings",
				Anonymous: []Sign{{Status: []int{401}}, {JSON: "user.anonymous", Value: &yes}},
				User:      &Extractor{JSON: "user.username"},
				Name:      &Extractor{JSON: "user.username"},
			}},
			SignIn: []SignIn{{
				Paths: []string{"/auth/token"}, Page: "/", Username: "username", Password: "password",
				Token: &Token{JSON: "access_token"},
			}},
			SignOut: []string{"/auth/revoke"},
		},
		Notes: Notes{
			"whoami.0.anonymous.1": "If adminAuth.default gives strangers read access, they get settings, too.",
			"sign_in.0":            "Its response has the token.",
		},
	}
}
