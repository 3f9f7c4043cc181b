//go:build portals

package operations

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/report"
	"github.com/secondgate/secondgate/test/kit/harness"
	"github.com/secondgate/secondgate/test/kit/portals"
)

// real is a real portal: the address of its sign-in, and of a page that shows the signed-in user.
type real struct {
	preset, page, shows string
	signIn              func(b *harness.Browser, user portals.User)
	// kind is how a sign-in is noticed.
	kind string
}

var wordpress = real{
	preset: "wordpress", page: "/wp-admin/profile.php?tab=one", shows: `value="alice"`, kind: "declared path",
	signIn: func(b *harness.Browser, u portals.User) {
		b.Get("/wp-login.php")
		b.Post("/wp-login.php", url.Values{"log": {u.Email}, "pwd": {u.Password}, "testcookie": {"1"}})
	},
}

var dokuwiki = real{
	preset: "dokuwiki", page: "/doku.php?id=start&do=profile", shows: `value="alice"`, kind: "other POST",
	signIn: func(b *harness.Browser, u portals.User) {
		b.Get("/doku.php?id=start&do=login")
		b.Post("/doku.php?id=start", url.Values{"do": {"login"}, "u": {u.Name}, "p": {u.Password}, "r": {"1"}})
	},
}

// TestPortals: real portals are observed, and both ways of switching cost what they may:
// nothing, and one sign-in.
func TestPortals(t *testing.T) {
	t.Run("wordpress", func(t *testing.T) { wordpress.try(t, portals.WordPress(t)) })
	t.Run("dokuwiki", func(t *testing.T) { dokuwiki.try(t, portals.DokuWiki(t)) })
}

func (r real) try(t *testing.T, p *portals.Portal) {
	w := startObserving(t, nil, "portal "+r.preset, strings.TrimPrefix(p.URL, "http://"))
	load := func(lines string) {
		t.Helper()
		if err := w.TryWhole(w.text("portal " + r.preset + "\n" + lines)); err != nil {
			t.Fatal(err)
		}
	}
	there := func(b *harness.Browser) bool {
		page := b.Get(r.page)
		return page.Status == http.StatusOK && strings.Contains(page.Body, r.shows)
	}
	b := w.Browser()
	r.signIn(b, p.Alice)
	for range 3 {
		if !there(b) {
			t.Fatal("not signed in while observed")
		}
	}
	s := w.awaits(report.UserFree, "alice", 1)
	if s.Counts[report.SignIns][r.kind] != 1 || s.Total(report.SignIns) != 1 || s.Total(report.Unknown) != 0 || len(s.Counts[report.UserFree]) != 1 {
		t.Errorf("%v", s.Counts)
	}
	if !there(b) {
		t.Error("signed out by the question")
	}

	load("")
	if there(b) {
		t.Error("an unsealed session passes in mode enforce")
	}
	r.signIn(b, p.Alice)
	if !there(b) {
		t.Fatal("not signed in by the second sign-in")
	}
	b.Enrol()
	if !there(b) {
		t.Fatal("not there after the set-up")
	}

	load("mode observe")
	for range 3 {
		if !there(b) {
			t.Fatal("signed out by going to mode observe")
		}
	}
	if names := sealedNames(b); len(names) > 0 {
		t.Errorf("still sealed: %v", names)
	}
	w.awaits(report.UserChallenged, "alice", 1)
	if !there(b) {
		t.Error("signed out by the question")
	}
}
