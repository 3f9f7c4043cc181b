package cookiestate_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/userpages/cookiestate"
)

// newBox makes a realm's box; all boxes have the same keys, as in one server.
func newBox(t *testing.T, realm string) *cookiestate.Box {
	t.Helper()
	key := [][]byte{bytes.Repeat([]byte{1}, 32)}
	b, err := cookiestate.New(realm, key, key, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestI12_PiecesOfTwoRealms: the pages of two realms on one host neither replace nor
// delete nor read each other's pieces.
func TestI12_PiecesOfTwoRealms(t *testing.T) {
	piece, owner := cookiestate.Piece{Name: "setup", Life: time.Hour}, cookiestate.Owner{User: "4711"}
	realms := []string{"default", "shop", "wiki"}
	for _, secure := range []bool{true, false} {
		browser := map[string]string{}
		for _, realm := range realms {
			rec := httptest.NewRecorder()
			if err := cookiestate.Put(newBox(t, realm), rec, piece, owner, realm, secure); err != nil {
				t.Fatal(err)
			}
			for _, c := range rec.Result().Cookies() {
				browser[c.Name] = c.Value
			}
		}
		if len(browser) != len(realms) || secure != (browser["__Host-secondgate-setup"] != "") || secure == (browser["secondgate-setup"] != "") {
			t.Fatalf("the browser has %v", browser)
		}
		r := httptest.NewRequest(http.MethodGet, "/two-factor/", nil)
		for name, value := range browser {
			if !portal.Reserved(name) {
				t.Errorf("the portal can set or see %s", name)
			}
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		for _, realm := range realms {
			b := newBox(t, realm)
			if got, ok := cookiestate.Get[string](b, r, piece, owner, secure); !ok || got != realm {
				t.Errorf("realm %s reads %q, %v", realm, got, ok)
			}
			rec := httptest.NewRecorder()
			b.Drop(rec, r, piece, secure)
			if set := rec.Result().Cookies(); len(set) != 1 || set[0].Name != b.CookieName("setup", secure) {
				t.Errorf("realm %s deletes %v", realm, set)
			}
		}
	}
}
