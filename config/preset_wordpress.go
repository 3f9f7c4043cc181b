package config

// wordpress is WordPress at the root of its host.
//
// Whoami goes in two steps, because plug-ins keep customers away from
// /wp-admin/profile.php. The first is refused to strangers with status 400 and the
// body "0". The body is the sign, not the status: a web server answers 400 to
// headers that are too large as well, which a signed-in user can provoke.
// A 401 of the second step is no sign either: then a cookie of /wp-admin is signed in
// while that of / is not, and that is unknown, not anonymous.
func wordpress() Preset {
	return Preset{
		Portal: "WordPress 5.3 (the first with rest-nonce) or later, at the root of its host",
		Tried:  "6.1",
		Sources: []string{
			"WordPress wp-login.php, wp-admin/admin-ajax.php, wp-includes/rest-api/endpoints/class-wp-rest-users-controller.php (6.1)",
		},
		Site: Site{
			Whoami: []Whoami{{
				URI: "/index.php?rest_route=/wp/v2/users/me&context=edit",
				First: &First{
					URI:     "/wp-admin/admin-ajax.php?action=rest-nonce",
					Extract: Extractor{Regex: `^\s*([0-9a-f]{10})\s*$`},
				},
				Header:    map[string]string{"X-WP-Nonce": "{first}"},
				Anonymous: []Sign{{Regex: `^\s*0\s*$`}},
				User:      &Extractor{JSON: "username"},
				Name:      &Extractor{JSON: "name"},
				Email:     &Extractor{JSON: "email"},
			}},
			SignIn: []SignIn{{
				Paths: []string{"/wp-login.php"}, Page: "/wp-login.php",
				Username: "log", Password: "pwd",
			}},
			SignOut: []string{"/wp-login.php?action=logout"},
			Leave:   []string{"wp-saving-post", "woocommerce_cart_hash", "woocommerce_items_in_cart"},
			Public:  paths("/wp-admin/load-styles.php", "/wp-admin/load-scripts.php"),
			Deny:    paths("/xmlrpc.php"),
		},
		Notes: Notes{
			"whoami.0":             "This address works without pretty permalinks too.",
			"whoami.0.first":       "Shop plug-ins keep customers away from the profile page, so a nonce is fetched.",
			"whoami.0.anonymous.0": "The whole body of the first step for strangers.",
			"whoami.0.user":        "Canonical, whatever was typed. Users choose their display names themselves.",
			"leave":                "Scripts of the editor and WooCommerce's cart read them.",
			"public":               "Styles and scripts of the dashboard, the same for everybody.",
			"deny":                 "Takes the password in the body.",
		},
	}
}
