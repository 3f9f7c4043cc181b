package config

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// presets are the portals whose ways are known, each a constructor, so that nobody
// shares its slices. A preset holds only what was observed or what the portal's
// makers document; what is only plausible belongs into the operator's Caddyfile.
var presets = map[string]func() Site{
	"dokuwiki":  dokuwiki,
	"whmcs":     whmcs,
	"wordpress": wordpress,
}

// PresetNames lists the presets for people: "dokuwiki, whmcs, wordpress".
func PresetNames() string {
	return strings.Join(slices.Sorted(maps.Keys(presets)), ", ")
}

// Preset returns what a preset sets, and whether there is one of that name.
func Preset(name string) (Site, bool) {
	preset, ok := presets[name]
	if !ok {
		return Site{}, false
	}
	return preset(), true
}

// wordpress is WordPress 5.3 (the first with rest-nonce) or later, at the root of
// its host; observed with 6.1.
//
// Whoami goes in two steps, because plug-ins keep customers away from
// /wp-admin/profile.php. The first is refused to strangers with status 400 and the
// body "0". The body is the sign, not the status: a web server answers 400 to
// headers that are too large as well, which somebody who is signed in can provoke.
// A 401 of the second step is no sign either: then a cookie of /wp-admin is signed in
// while that of / is not, and that is unknown, not anonymous.
// The REST address is the one that works without pretty permalinks too.
func wordpress() Site {
	return Site{
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
		// Scripts of the dashboard and the editor read and write the first two,
		// WooCommerce's cart the others.
		Leave: []string{"wp-settings-*", "wp-saving-post", "woocommerce_cart_hash", "woocommerce_items_in_cart"},
		Deny:  paths("/xmlrpc.php"),
	}
}

// dokuwiki was observed with release 2022-07-31. It signs in on almost any URL, by
// GET too, so the field names are what counts; the session id stays the same at the
// sign-in, so it never rotates.
func dokuwiki() Site {
	return Site{
		Whoami: []Whoami{{
			// Without a page id another page answers.
			URI:       "/doku.php?id=start&do=profile",
			Anonymous: []Sign{{HTML: ".action.login"}},
			User:      &Extractor{HTML: "input[name=login]", Attr: "value"},
			Name:      &Extractor{HTML: "input[name=fullname]", Attr: "value"},
			Email:     &Extractor{HTML: "input[name=email]", Attr: "value"},
		}},
		SignIn:  []SignIn{{Page: "/doku.php?id=start&do=login", Username: "u", Password: "p"}},
		SignOut: []string{"/doku.php?do=logout"},
		// What its scripts remember of the editor and of folded parts.
		Leave: []string{"DOKU_PREFS"},
		Deny:  paths("/lib/exe/xmlrpc.php", "/lib/exe/jsonrpc.php"),
	}
}

// whmcs is WHMCS 8 or later, from its documentation and its published templates;
// it was never tried. The profile of the *user* is asked, not the details of the
// client account, which several users may share.
func whmcs() Site {
	return Site{
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
	}
}

// paths are matcher sets of Caddy, one for each path pattern.
func paths(list ...string) (sets []MatcherSet) {
	for _, p := range list {
		raw, err := json.Marshal([]string{p})
		if err != nil {
			panic("strings always marshal: " + err.Error())
		}
		sets = append(sets, MatcherSet{"path": raw})
	}
	return sets
}
