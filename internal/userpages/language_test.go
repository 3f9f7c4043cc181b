package userpages

import (
	"context"
	"net/http/httptest"
	"testing"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/templates/templatestest"
)

// TestAttack_LanguageByLink: a link or an address in a frame of another site does not choose the
// language of a user's notices. An attacker could choose one that the user can't read.
func TestAttack_LanguageByLink(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Locales = pseudo(t) })
	alice := w.browser("alice")
	alice.enrol()
	alice.get("/two-factor/")
	language := func() string {
		u, err := w.db.User(context.Background(), store.UserKey{Realm: "default", ID: "alice"})
		if err != nil {
			t.Fatal(err)
		}
		return u.Language
	}
	before := language()
	r := httptest.NewRequest("GET", "/two-factor/?lang="+templatestest.RTL, nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	alice.do(r)
	if after := language(); after != before {
		t.Errorf("another site's link changed the language from %q to %q", before, after)
	}
}
