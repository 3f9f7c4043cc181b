package cookie_test

import (
	"testing"

	"github.com/secondgate/secondgate/internal/portal/cookie"
)

func TestRealmTag(t *testing.T) {
	if got := cookie.RealmTag(cookie.DefaultRealm); got != "" {
		t.Errorf("the default realm has the tag %q", got)
	}
	// Browsers keep these names: a change signs every customer out.
	if got := cookie.RealmTag("shop"); got != "6tkeqhey" {
		t.Errorf("shop has the tag %q", got)
	}
	for _, realm := range []string{"shop", "Shop", "", "Default", "a.b_c-d"} {
		if got := cookie.RealmTag(realm); !cookie.IsRealmTag(got) {
			t.Errorf("%q has the tag %q", realm, got)
		}
	}
	for _, s := range []string{"", "abcdefg", "abcdefghi", "Abcdefgh", "abcdefg1", "abcdefg8", "abcdefg.", "abcdefg\xff"} {
		if cookie.IsRealmTag(s) {
			t.Errorf("%q is taken for a tag", s)
		}
	}
}
