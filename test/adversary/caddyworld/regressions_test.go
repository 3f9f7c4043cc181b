package caddyworld

import (
	"errors"
	"testing"
)

// site is a Caddyfile of one site before PORTAL0.
func site(before, inside, behind string) string {
	return indent("http://portal.test:PORT0 {\nbind 127.0.0.1\n" + before + "\ntwo_factor {\nrealm shop\n" + whoamiLines + "\n" + inside + "\n}\n" + behind + "\n}\n")
}

const (
	mapQuery = "map {query.key} {who} {\n~^(?:key-)?(\\w+)$ ${1}\ndefault \"\"\n}"
	mapKey   = "map {header.X-Key} {who} {\n~^(?:key-)?(\\w+)$ ${1}\ndefault \"\"\n}"
	passWho  = "reverse_proxy PORTAL0 {\nheader_up X-Remote-User {who}\n}"
)

// regressions are what the search found, made small.
var regressions = []Case{
	{
		Name:      "a placeholder is the only credential",
		Portals:   []Portal{{Name: "A", Header: "X-Remote-User"}},
		Sites:     []Site{{URL: "http://portal.test:PORT0", First: "query", Realm: "shop"}},
		Caddyfile: site(mapQuery, "", passWho),
		Steps:     []Step{{By: "a", Target: "/data"}},
	},
	{
		Name:      "an asset with a placeholder as its credential",
		Portals:   []Portal{{Name: "A", Header: "X-Remote-User"}},
		Sites:     []Site{{URL: "http://portal.test:PORT0", First: "key", Realm: "shop"}},
		Caddyfile: site(mapKey, "", passWho),
		Steps:     []Step{{By: "a", Target: "/static/app.css", Header: []string{"Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: style"}}},
	},
	{
		Name:      "an own placeholder hides the session of a form",
		Portals:   []Portal{{Name: "A", Header: "X-Remote-User", Anywhere: true}},
		Sites:     []Site{{URL: "http://portal.test:PORT0", First: "key", Realm: "shop"}},
		Caddyfile: site(mapKey, "", passWho),
		Steps:     []Step{{By: "a", Target: "/data", Body: "user=victim&password=pw-victim", As: "mallory"}},
	},
	{
		Name:      "a guest's page in another case",
		Portals:   []Portal{{Name: "A"}},
		Sites:     []Site{{URL: "http://portal.test:PORT0", Realm: "shop"}},
		Caddyfile: site("@guest {\npath /open\n}", "guest @guest /login", "reverse_proxy PORTAL0"),
		Steps:     []Step{{By: "a", Target: "/LOGIN"}},
	},
	{
		Name:      "a trusted page in another case",
		Portals:   []Portal{{Name: "A", Header: "X-Remote-User"}},
		Sites:     []Site{{URL: "http://portal.test:PORT0", First: "basic", Realm: "shop"}},
		Caddyfile: site("@trust {\npath /in\nheader X-Kind pay/callback\n}\n"+basicLines, "trust @trust", "reverse_proxy PORTAL0 {\nheader_up X-Remote-User {http.auth.user.id}\n}"),
		Steps:     []Step{{By: "a", Target: "/IN", Header: []string{"X-Kind: pay/callback"}}},
	},
}

// TestRegressions plays what was found once.
func TestRegressions(t *testing.T) {
	s := startServer(t)
	for _, c := range regressions {
		t.Run(c.Name, func(t *testing.T) {
			switch err := s.play(c); {
			case errors.Is(err, errRefused):
				t.Errorf("%v\n%s", err, c.Caddyfile)
			case err != nil:
				t.Error(err)
			}
		})
	}
}
