package session_test

import (
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/memory"
	"github.com/secondgate/secondgate/internal/store/records"
)

// TestJ8_Outdated: which cookies are worth nothing once the user's sessions were ended, to the
// millisecond that cookies are stamped with.
func TestJ8_Outdated(t *testing.T) {
	act := time.Date(2026, 11, 30, 12, 0, 0, 123_456_789, time.UTC)
	var u store.User
	tx := &ending{}
	if _, err := session.EndAll(tx, &u, act); err != nil {
		t.Fatal(err)
	}
	stamp := func(at time.Time) time.Time { return at.Truncate(time.Millisecond) }
	for _, c := range []struct {
		name   string
		sealed time.Time
		now    time.Time
		want   bool
	}{
		{"long before", act.Add(-time.Hour), act.Add(time.Hour), true},
		{"at the same time", act, act.Add(time.Hour), true},
		{"by a request that had read the record before", act.Add(session.EndMargin - time.Millisecond), act.Add(time.Hour), true},
		{"behind the margin", act.Add(session.EndMargin), act.Add(time.Hour), false},
		{"by the visit that moved in the act", session.After(act), act, false},
		{"by a clock that was wrong", act.Add(time.Hour), act.Add(time.Minute), true},
	} {
		if got := session.Outdated(stamp(c.sealed), u.SessionsEnded, c.now); got != c.want {
			t.Errorf("sealed %s: %v, want %v", c.name, got, c.want)
		}
	}
	if session.Outdated(act, time.Time{}, act) {
		t.Error("cookies of a user whose sessions were never ended are outdated")
	}
	first := u.SessionsEnded
	if _, err := session.EndAll(tx, &u, act.Add(-time.Second)); err != nil || u.SessionsEnded != first {
		t.Errorf("a clock that stepped back a little took %v back to %v", first, u.SessionsEnded)
	}
	if _, err := session.EndAll(tx, &u, act.Add(-24*time.Hour)); err != nil || !u.SessionsEnded.Before(act) {
		t.Errorf("a clock that was a day ahead ends sessions until %v", u.SessionsEnded)
	}
}

// ending is a transaction about a user without clearances.
type ending struct{ store.Tx }

func (*ending) EndVisits(...store.VisitID) ([]store.VisitID, error) { return nil, nil }

// TestJ8_EndAll: all sessions but those spared end, and their tokens are revoked for as long
// as their cookies live.
func TestJ8_EndAll(t *testing.T) {
	st := records.Open(memory.New(), records.Options{})
	defer st.Close()
	now := time.Now().UTC()
	key := store.UserKey{Realm: "r", ID: "alice"}
	ids := []store.VisitID{{1}, {2}, {3}}
	err := st.Update(t.Context(), key, func(tx store.Tx) error {
		for _, id := range ids {
			v := store.Visit{Realm: "r", ID: id, User: "alice", Factor: "totp", At: now, LastSeen: now, Expires: now.Add(time.Hour)}
			if err := tx.PutVisit(v); err != nil {
				return err
			}
		}
		u := store.User{Key: key}
		ended, err := session.EndAll(tx, &u, now, ids[1])
		if len(ended) != 2 {
			t.Errorf("ended %v", ended)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		v, err := st.Visit(t.Context(), "r", id)
		if i == 1 {
			if err != nil || v.User != "alice" {
				t.Errorf("the spared session: %+v, %v", v, err)
			}
			continue
		}
		if err != nil || !v.Revoked() || !v.SessionEnded || v.Expires.Before(now.Add(session.MaxCookieLife-time.Minute)) {
			t.Errorf("session %d: %+v, %v; want a tombstone for as long as cookies live", i, v, err)
		}
	}
}

// TestJ8_MoveKeepsNoMore: a session that moves to a fresh token without a code lives no
// longer, and one that has ended does not come back.
func TestJ8_MoveKeepsNoMore(t *testing.T) {
	st := records.Open(memory.New(), records.Options{})
	defer st.Close()
	given := time.Now().UTC().Truncate(time.Microsecond)
	key := store.UserKey{Realm: "r", ID: "alice"}
	update := func(fn func(tx store.Tx) error) error { return st.Update(t.Context(), key, fn) }
	old := store.Visit{Realm: "r", ID: store.VisitID{1}, User: "alice", Factor: "backup", At: given, LastSeen: given, Expires: given.Add(time.Hour), Failures: 4}
	move := func(from, to byte, keep bool) error {
		g := session.Grant{Realm: "r", User: "alice", Old: store.VisitID{from}, New: store.VisitID{to}, Now: given.Add(time.Minute)}
		return update(func(tx store.Tx) error { return session.Move(tx, g, keep) })
	}
	if err := update(func(tx store.Tx) error { return tx.PutVisit(old) }); err != nil {
		t.Fatal(err)
	}
	if err := move(1, 2, true); err != nil {
		t.Fatal(err)
	}
	v, err := st.Visit(t.Context(), "r", store.VisitID{2})
	if err != nil || v.At != old.At || v.Expires != old.Expires || v.Factor != old.Factor || v.Failures != old.Failures {
		t.Errorf("the clearance is %+v, %v; want it as it was", v, err)
	}
	if v, err := st.Visit(t.Context(), "r", old.ID); err != nil || !v.Revoked() || v.SessionEnded {
		t.Errorf("the old token is %+v, %v; want one that was rotated away", v, err)
	}
	if err := update(func(tx store.Tx) error { return session.End(tx, "r", store.VisitID{2}, given) }); err != nil {
		t.Fatal(err)
	}
	for _, from := range []byte{1, 2, 7} {
		if err := move(from, 8, true); err != store.ErrSpent {
			t.Errorf("moving %d, which has no clearance: %v, want %v", from, err, store.ErrSpent)
		}
	}
	if v, err := st.Visit(t.Context(), "r", store.VisitID{8}); err == nil {
		t.Errorf("an ended session came back as %+v", v)
	}
}
