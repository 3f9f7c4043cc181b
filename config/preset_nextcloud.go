package config

// nextcloud is Nextcloud at the root of its host, for browsers. The web interface itself
// uses /remote.php and /ocs with the session's cookie, so these stay open; apps and sync
// clients, which send a password in Authorization, do not get in, because that header is
// taken out.
func nextcloud() Preset {
	return Preset{
		Portal: "Nextcloud 25 or later, at the root of its host, for browsers",
		Sources: []string{
			"nextcloud/server core/Controller/LoginController.php; apps/provisioning_api/lib/Controller/UsersController.php;",
			"lib/private/AppFramework/Middleware/OCSMiddleware.php, Security/SecurityMiddleware.php; lib/private/AppFramework/OCS/V1Response.php;",
			"lib/private/DirectEditing/Manager.php",
		},
		Site: Site{
			Whoami: []Whoami{{
				URI:       "/ocs/v1.php/cloud/user?format=json",
				Header:    map[string]string{"OCS-APIRequest": "true"},
				Anonymous: []Sign{{JSON: "ocs.meta.statuscode", Value: ptr("997")}},
				User:      &Extractor{JSON: "ocs.data.id"},
				Name:      &Extractor{JSON: "ocs.data.display-name"},
				Email:     &Extractor{JSON: "ocs.data.email"},
			}},
			SignIn: []SignIn{{
				Paths: []string{"/login", "/index.php/login"}, Page: "/login",
				Username: "user", Password: "password",
			}},
			SignOut: []string{"/logout", "/index.php/logout"},
			Deny:    paths("/remote.php/direct/*", "/apps/files/directEditing/*", "/index.php/apps/files/directEditing/*"),
		},
		Notes: Notes{
			"whoami.0.header.OCS-APIRequest": "Without it the question counts as forged.",
			"whoami.0.anonymous.0":           "OCS status 997 means that no user is signed in.",
			"whoami.0.user":                  "The user id, which never changes; signing in by e-mail address gives the same.",
			"deny":                           "Addresses with a token that identifies a user without a session.",
		},
	}
}
