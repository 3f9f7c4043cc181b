package session_test

import (
	"errors"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/memory"
	"github.com/secondgate/secondgate/internal/store/records"
)

// TestWrite: ASVS 7.2.4, a visit goes on under a fresh token and the old one is dead;
// of two tabs that send codes at once one wins.
func TestWrite(t *testing.T) {
	st := records.Open(memory.New(), records.Options{})
	defer st.Close()
	p := session.Policy{Life: time.Hour, Idle: time.Hour}
	old, fresh := session.NewToken(), session.NewToken()
	grant := session.Grant{
		Realm: "r", User: "alice", Factor: "totp", Old: old.ID(), New: fresh.ID(), Now: time.Now().UTC(),
		Binds: []uint64{1, 2},
	}
	write := func(g session.Grant) error {
		return st.Update(t.Context(), store.UserKey{Realm: "r", ID: "alice"}, func(tx store.Tx) error { return p.Write(tx, g) })
	}
	if err := write(grant); err != nil {
		t.Fatal(err)
	}
	dead, err := st.Visit(t.Context(), "r", old.ID())
	if err != nil || !dead.Revoked() || dead.Expires.Sub(grant.Now) < session.MaxCookieLife-time.Minute {
		t.Errorf("the old token: %+v, %v; want a tombstone for as long as cookies live", dead, err)
	}
	live, err := st.Visit(t.Context(), "r", fresh.ID())
	if err != nil || live.User != "alice" || !p.Live(&live, live.LastSeen, grant.Now) {
		t.Errorf("the fresh token: %+v, %v; want a clearance", live, err)
	}
	second := grant
	second.New = session.NewToken().ID()
	if err := write(second); !errors.Is(err, store.ErrSpent) {
		t.Errorf("the second tab: %v, want %v", err, store.ErrSpent)
	}
	if v, err := st.Visit(t.Context(), "r", second.New); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the second tab's token: %+v, %v; want none", v, err)
	}
}

// TestToken: 256 random bits, known to the store by their digest, and read in exactly
// one form.
func TestToken(t *testing.T) {
	a, b := session.NewToken(), session.NewToken()
	if a == b || a.ID() == b.ID() || len(a) != 43 {
		t.Errorf("tokens %q and %q", a, b)
	}
	if got, ok := session.ParseToken(string(a)); !ok || got != a {
		t.Errorf("ParseToken(%q) = %q, %v", a, got, ok)
	}
	for _, s := range []string{"", string(a[1:]), string(a) + "A", "=" + string(a[1:]), " " + string(a[1:]), "é" + string(a[2:])} {
		if _, ok := session.ParseToken(s); ok {
			t.Errorf("%q is read as a token", s)
		}
	}
}
