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
		"retired and used":      {known: []knownRealm{shop}, configured: []string{"shop"}, retired: []string{"shop"}, err: "remove it from retired_realms"},
	} {
		orphans, err := orphaned(tt.known, tt.configured, tt.retired)
		if len(orphans) != tt.orphans || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v, %v", name, orphans, err)
		}
	}
}
