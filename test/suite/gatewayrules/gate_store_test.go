package gatewayrules

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/badger"
	"github.com/secondgate/secondgate/test/kit/harness"
)

func init() {
	harness.RegisterStorage("faulty", func(d *badger.DB) store.Store { return &faultyStore{d} })
}

// storeFails makes every store of the engine `faulty` fail, reads and writes.
var storeFails atomic.Bool

var errStore = errors.New("the disk is gone")

// faultyStore is Badger, until storeFails.
type faultyStore struct{ store.Store }

func (s *faultyStore) User(ctx context.Context, key store.UserKey) (store.User, error) {
	if storeFails.Load() {
		return store.User{}, errStore
	}
	return s.Store.User(ctx, key)
}

func (s *faultyStore) Visit(ctx context.Context, realm string, id store.VisitID) (store.Visit, error) {
	if storeFails.Load() {
		return store.Visit{}, errStore
	}
	return s.Store.Visit(ctx, realm, id)
}

func (s *faultyStore) Update(ctx context.Context, key store.UserKey, fn func(tx store.Tx) error) error {
	if storeFails.Load() {
		return errStore
	}
	return s.Store.Update(ctx, key, fn)
}

// TestGate_StoreFails: without the store no user passes and nothing is released. A session that
// ended during the failure stays ended.
func TestGate_StoreFails(t *testing.T) {
	d := newDesk()
	h := &deskHarness{harness.StartSite(t, d, "respond 204"), d, t}
	err := harness.LoadCaddyfile(fmt.Sprintf(`{
	admin off
	persist_config off
	auto_https off
	two_factor {
		storage faulty %s
	}
}
%s {
	bind 127.0.0.1
	two_factor {
%s
	}
	reverse_proxy %s
}`, t.TempDir(), h.URL, deskLines, strings.TrimPrefix(h.PortalURL, "http://")))
	if err != nil {
		t.Fatal(err)
	}
	alice := h.enrol("alice")
	cleared, other := h.cleared("alice", alice), h.cleared("alice", alice)
	third := h.cleared("alice", alice)
	carol, known := h.Browser(), h.Browser()
	h.in(carol, "carol")
	known.Get("/")
	w := spy(t, carol)
	h.t.Cleanup(func() { storeFails.Store(false) })
	storeFails.Store(true)
	fresh := h.Browser() // a visit that memory does not know
	for name, value := range cleared.Cookies("/") {
		fresh.SetCookie(name, value+"x")
	}
	fresh.SetCookie("sg", strings.Repeat("a", 43))
	for name, p := range map[string]*harness.Page{
		"owing nothing": carol.Get("/page"), "a sign-in": h.in(known, "carol"), "an unknown visit": fresh.Get("/page"), "a sign-in in a cleared visit": h.in(third, "carol"),
	} {
		if p.Status != http.StatusServiceUnavailable || p.Header.Get("Cache-Control") != "no-store" || p.Header.Get("X-User") != "" {
			t.Errorf("%s: %d %v", name, p.Status, p.Header)
		}
	}
	if p := carol.Fetch(http.MethodGet, "/page", "", ""); p.Status != http.StatusServiceUnavailable || !strings.Contains(p.Header.Get("Content-Type"), "problem+json") {
		t.Errorf("a script: %d %v", p.Status, p.Header)
	}
	if p := carol.Get("/two-factor/setup"); p.Status != http.StatusServiceUnavailable {
		t.Errorf("own page: %d", p.Status)
	}
	if raw := w.take(); strings.Contains(raw, "SECRET") {
		t.Errorf("shown:\n%.1000s", raw)
	}
	// A sign-out while the store did not accept writes.
	other.Get("/out")
	storeFails.Store(false)
	shows(t, "the store is back", carol.Get("/page"), "carol")
	shows(t, "the store is back", cleared.Get("/page"), "alice")
	if p := h.in(other, "alice"); strings.Contains(p.Header.Get("X-User"), "alice") {
		t.Errorf("signed in again without a code: %d %v", p.Status, p.Header)
	}
}
