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

// newStore makes a realm's store; all stores have the same keys, as in one server.
func newStore(t *testing.T, realm string) *cookiestate.Store {
	t.Helper()
	key := [][]byte{bytes.Repeat([]byte{1}, 32)}
	s, err := cookiestate.New(realm, key, key, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestI12_StateOfTwoRealms: the pages of two realms on one host neither replace nor delete
// nor read each other's state.
func TestI12_StateOfTwoRealms(t *testing.T) {
	field, owner := cookiestate.Field[string]{Name: "setup", Life: time.Hour}, cookiestate.Owner{User: "4711"}
	realms := []string{"default", "shop", "wiki"}
	for _, secure := range []bool{true, false} {
		browser := map[string]string{}
		for _, realm := range realms {
			rec := httptest.NewRecorder()
			if err := field.Put(cookiestate.Browser{Store: newStore(t, realm), W: rec, Secure: secure}, owner, realm); err != nil {
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
			if !portal.IsReserved(name) {
				t.Errorf("the portal can set or see %s", name)
			}
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		for _, realm := range realms {
			rec := httptest.NewRecorder()
			b := cookiestate.Browser{Store: newStore(t, realm), W: rec, R: r, Secure: secure}
			if got, ok := field.Get(b, owner); !ok || got != realm {
				t.Errorf("realm %s reads %q, %v", realm, got, ok)
			}
			field.Drop(b)
			if set := rec.Result().Cookies(); len(set) != 1 || set[0].Name != b.CookieName("setup", secure) {
				t.Errorf("realm %s deletes %v", realm, set)
			}
		}
	}
}

// TestI12_RealmsOfOneTag: two realms with the same tag have the same cookie names, and still
// don't read each other's state.
func TestI12_RealmsOfOneTag(t *testing.T) {
	one, other := newStore(t, "shop-1035936"), newStore(t, "shop-1890887")
	if one.CookieName("setup", true) != other.CookieName("setup", true) {
		t.Fatal("the realms have different tags")
	}
	field, owner := cookiestate.Field[string]{Name: "setup", Life: time.Hour}, cookiestate.Owner{User: "4711"}
	rec := httptest.NewRecorder()
	if err := field.Put(cookiestate.Browser{Store: one, W: rec, Secure: true}, owner, "secret"); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/two-factor/", nil)
	r.AddCookie(rec.Result().Cookies()[0])
	if got, ok := field.Get(cookiestate.Browser{Store: one, R: r, Secure: true}, owner); !ok || got != "secret" {
		t.Errorf("its own realm reads %q, %v", got, ok)
	}
	if got, ok := field.Get(cookiestate.Browser{Store: other, R: r, Secure: true}, owner); ok {
		t.Errorf("the other realm reads %q", got)
	}
}
