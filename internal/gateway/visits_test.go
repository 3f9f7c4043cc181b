package gateway

import (
	"context"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/badger"
)

// interrupted is a store in which something happens after a visit was read and before
// the reader has it.
type interrupted struct {
	store.Store
	then func()
}

func (s *interrupted) Visit(ctx context.Context, realm string, id store.VisitID) (store.Visit, error) {
	v, err := s.Store.Visit(ctx, realm, id)
	if then := s.then; then != nil {
		s.then = nil
		then()
	}
	return v, err
}

// TestStanding_EndedWhileRead: a clearance that ends while it is read from the store
// does not come back to life in memory, where nothing would end it again.
func TestStanding_EndedWhileRead(t *testing.T) {
	engine, err := badger.Open(t.TempDir(), badger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	now := time.Now()
	user, id := store.UserKey{Realm: "shop", ID: "alice"}, session.NewToken().ID()
	change := func(fn func(tx store.Tx) error) {
		t.Helper()
		if err := engine.Update(t.Context(), user, fn); err != nil {
			t.Fatal(err)
		}
	}
	change(func(tx store.Tx) error {
		return tx.PutVisit(store.Visit{Realm: "shop", ID: id, User: "alice", Factor: "totp", At: now, LastSeen: now, Expires: now.Add(time.Hour)})
	})
	st := &interrupted{Store: engine}
	visits := NewVisits(st, time.Now)
	policy := session.Policy{Life: time.Hour, Idle: time.Hour}
	v := visits.get("shop", id, "")
	defer v.release()
	st.then = func() {
		change(func(tx store.Tx) error { return tx.DeleteVisit(id) })
		visits.forget("shop", id)
	}
	for _, when := range []string{"while it ended", "afterwards"} {
		got, err := visits.standing(t.Context(), v)
		if err != nil || got.live(policy, now) {
			t.Errorf("%s: the clearance counts, %v", when, err)
		}
	}
	if st.then != nil {
		t.Error("nothing was read, so nothing was tested")
	}
}

// TestForget_ClosesTunnels: what stands on a clearance is closed when that ends, and
// not only when somebody looks the next time; so is what is opened a moment later.
func TestForget_ClosesTunnels(t *testing.T) {
	engine, err := badger.Open(t.TempDir(), badger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	visits := NewVisits(engine, time.Now)
	id := session.NewToken().ID()
	v := visits.get("shop", id, "")
	defer v.release()
	st, err := visits.standing(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	closed := make(map[string]bool)
	open := func(name string, st *standing) {
		remove := visits.tunnels.add(&tunnel{visit: v, st: st, close: func() { closed[name] = true }})
		t.Cleanup(remove)
	}
	open("on the clearance", st)
	open("on another", &standing{})
	visits.forget("shop", id)
	open("a moment later", st)
	for name, want := range map[string]bool{"on the clearance": true, "on another": false, "a moment later": true} {
		if closed[name] != want {
			t.Errorf("%s: closed %v", name, closed[name])
		}
	}
}
