package factor

import (
	"reflect"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
)

func TestRegenerate(t *testing.T) {
	for _, by := range []string{KindTOTP, KindBackup} {
		t.Run(by, func(t *testing.T) {
			l := newLab(t)
			e, old := l.enrol(alice)
			id := l.clear(alice, 1)
			a := Attempt{User: alice, Code: l.wrong(e), Address: home, Cleared: id}
			_, err := l.Regenerate(t.Context(), a)
			wantError(t, "by a wrong code", err, ErrWrongCode)
			a.Code = l.code(e, 0)
			if by == KindBackup {
				a.Code = old[1]
			}
			codes, err := l.Regenerate(t.Context(), a)
			if err != nil || len(codes) != 2 {
				t.Fatalf("codes %v, %v", codes, err)
			}
			again, err := l.Regenerate(t.Context(), a)
			wantError(t, "by a spent code", err, ErrWrongCode)
			if again != nil {
				t.Error("a refusal came with codes")
			}
			for _, code := range old {
				wantError(t, "an old code", l.spend(Attempt{User: alice, Code: code, Address: home}), ErrWrongCode)
			}
			if err := l.spend(Attempt{User: alice, Code: codes[0], Address: home}); err != nil {
				t.Errorf("a new code: %v", err)
			}
			if !l.cleared(id) {
				t.Error("the clearance has ended")
			}
		})
	}
}

func TestASVS_7_4_3_Disable(t *testing.T) {
	for _, by := range []string{KindTOTP, KindBackup} {
		t.Run(by, func(t *testing.T) {
			l := newLab(t)
			e, backup := l.enrol(alice)
			id, other, bobs := l.clear(alice, 1), l.clear(alice, 2), l.clear(bob, 3)
			a := Attempt{User: alice, Code: l.wrong(e), Address: home, Cleared: id}
			_, err := l.Disable(t.Context(), a, nil)
			wantError(t, "by a wrong code", err, ErrWrongCode)
			if !l.record(alice).Activated() || !l.cleared(other) {
				t.Fatal("a wrong code disabled something")
			}
			a.Code = l.code(e, 0)
			if by == KindBackup {
				a.Code = backup[0]
			}
			ended, err := l.Disable(t.Context(), a, nil)
			if err != nil || len(ended) != 2 {
				t.Fatalf("ended %v, %v", ended, err)
			}
			wantBare(t, l.record(alice))
			if l.cleared(id) || l.cleared(other) || !l.cleared(bobs) {
				t.Error("not alice's clearances, and they alone, have ended")
			}
			if !l.over(id) || !l.over(other) {
				t.Error("the ended sessions' tokens are not revoked")
			}
			l.wantSessionsEnded(alice)
			l.clock.Advance(time.Minute)
			wantError(t, "afterwards", l.spend(Attempt{User: alice, Code: l.code(e, 0), Address: home}), ErrNoFactor)
		})
	}
}

func TestReset(t *testing.T) {
	l := newLab(t)
	l.enrol(alice)
	id := l.clear(alice, 1)
	l.change(alice, func(_ store.Tx, u *store.User) {
		u.Name, u.Failures = "Alice", map[string]store.Failures{KindTOTP: {Count: 100}}
	})
	ended, err := l.Reset(t.Context(), alice, nil)
	if err != nil || len(ended) != 1 || ended[0] != *id || !l.over(id) {
		t.Errorf("ended %v, %v", ended, err)
	}
	l.wantSessionsEnded(alice)
	u := l.record(alice)
	wantBare(t, u)
	if u.Name != "Alice" || u.FirstSeen.IsZero() {
		t.Errorf("user %+v: more was lost than the factors", u)
	}
	if ended, err := l.Reset(t.Context(), alice, nil); err != nil || len(ended) != 0 {
		t.Errorf("again: ended %v, %v", ended, err)
	}
}

func wantBare(t *testing.T, u store.User) {
	t.Helper()
	if u.Activated() || u.Backup != nil || len(u.Failures) != 0 || !u.EnabledAt.IsZero() {
		t.Errorf("user %+v still has something", u)
	}
}

// TestJ8_EndOthers: all sessions end but the one that asks, which has moved to a fresh token
// with its clearance as it was; and not without it.
func TestJ8_EndOthers(t *testing.T) {
	l := newLab(t)
	l.enrol(alice)
	id, other, bobs := l.clear(alice, 1), l.clear(alice, 2), l.clear(bob, 3)
	before := l.visit(id)
	l.clock.Advance(time.Hour)
	fresh := store.VisitID{9}
	end := func() ([]store.VisitID, error) {
		return l.EndOthers(t.Context(), Attempt{User: alice, Address: home}, fresh, func(tx store.Tx) error {
			return session.Move(tx, session.Grant{Realm: l.realm, User: alice, Old: *id, New: fresh, Now: l.clock.Now()}, true)
		})
	}
	ended, err := end()
	if err != nil || len(ended) != 1 || ended[0] != *other || !l.over(other) || !l.cleared(bobs) {
		t.Errorf("ended %v, %v", ended, err)
	}
	if v := l.visit(id); !v.Revoked() || v.SessionEnded {
		t.Errorf("the old token: %+v", v)
	}
	after := l.visit(&fresh)
	if before.ID = fresh; !reflect.DeepEqual(after, before) {
		t.Errorf("the session that asked: %+v, want %+v", after, before)
	}
	l.wantSessionsEnded(alice)
	before = l.visit(&fresh)
	_, err = end()
	wantError(t, "from the old token", err, store.ErrSpent)
	if !reflect.DeepEqual(l.visit(&fresh), before) {
		t.Error("something was changed")
	}
}

// Verifying races disabling and a staff reset: whatever comes second finds nothing.
func TestAttack_VerifyRacesDisable(t *testing.T) {
	l := newLab(t)
	e, backup := l.enrol(alice)
	id := l.clear(alice, 1)
	bought := l.clearance(alice, 9)
	errs := parallel(3, func(i int) (err error) {
		switch i {
		case 0:
			_, err = l.Spend(t.Context(), Attempt{User: alice, Code: l.code(e, 0), Address: home},
				func(tx store.Tx, _ *store.User, _ Accepted) error { return tx.PutVisit(bought) })
		case 1:
			_, err = l.Disable(t.Context(), Attempt{User: alice, Code: backup[0], Address: home, Cleared: id}, nil)
		case 2:
			_, err = l.Reset(t.Context(), alice, nil)
		}
		return err
	})
	if errs[2] != nil {
		t.Errorf("reset: %v", errs[2])
	}
	wantBare(t, l.record(alice))
	if l.cleared(&bought.ID) || l.cleared(id) {
		t.Errorf("a clearance outlived its factor: %v", errs)
	}
}
