package server

import (
	"strings"
	"testing"
)

// TestAttack_L6_RenamedRealms: if a realm with second factors has lost its sites and another realm
// is new, the old one looks renamed and the start is refused. Without a new realm there is a
// warning.
func TestAttack_L6_RenamedRealms(t *testing.T) {
	shop, blog, empty := knownRealm{"shop", 3}, knownRealm{"blog", 0}, knownRealm{"empty", 0}
	for name, tt := range map[string]struct {
		known               []knownRealm
		configured, retired []string
		orphans             int
		err                 string
	}{
		"a new store":           {configured: []string{"default"}},
		"nothing changed":       {known: []knownRealm{shop}, configured: []string{"shop"}},
		"a site is added":       {known: []knownRealm{shop}, configured: []string{"shop", "new"}},
		"renamed":               {known: []knownRealm{shop}, configured: []string{"new"}, orphans: 1, err: `"shop" (users with a second factor: 3)`},
		"renamed beside others": {known: []knownRealm{blog, shop}, configured: []string{"blog", "new"}, orphans: 1, err: `knows nothing of the realm "new"`},
		"removed":               {known: []knownRealm{blog, shop}, configured: []string{"blog"}, orphans: 1},
		"all removed":           {known: []knownRealm{shop}, orphans: 1},
		"nobody had a factor":   {known: []knownRealm{empty}, configured: []string{"new"}},
		"retired":               {known: []knownRealm{shop}, configured: []string{"new"}, retired: []string{"shop"}},
		"one of two retired":    {known: []knownRealm{{"a", 1}, shop}, configured: []string{"new"}, retired: []string{"shop"}, orphans: 1, err: "retired_realms a"},
	} {
		orphans, err := orphaned(tt.known, tt.configured, tt.retired)
		if len(orphans) != tt.orphans || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v, %v", name, orphans, err)
		}
	}
}

// TestRetiredInUse: a realm that a site has can't be retired. The error names the line.
func TestRetiredInUse(t *testing.T) {
	if err := retiredInUse([]string{"shop"}, []string{"blog"}, "Caddyfile:3"); err != nil {
		t.Error(err)
	}
	err := retiredInUse([]string{"blog", "shop"}, []string{"shop"}, "Caddyfile:3")
	if err == nil || !strings.HasPrefix(err.Error(), `Caddyfile:3: retired_realms names "shop"`) {
		t.Error(err)
	}
	if err := retiredInUse([]string{"shop"}, []string{"shop"}, ""); err == nil || !strings.HasPrefix(err.Error(), "retired_realms") {
		t.Error(err)
	}
}

// TestRefusedIDsNameTheLine: the refusal of ids from elsewhere names the site's line.
func TestRefusedIDsNameTheLine(t *testing.T) {
	id := identified{realm: "shop", address: "shop.example.com", source: "Caddyfile:3"}
	if err := id.refused("why"); !strings.HasPrefix(err.Error(), "Caddyfile:3: shop.example.com takes the ids") {
		t.Error(err)
	}
	id.source = ""
	if err := id.refused("why"); !strings.HasPrefix(err.Error(), "shop.example.com takes the ids") {
		t.Error(err)
	}
}
