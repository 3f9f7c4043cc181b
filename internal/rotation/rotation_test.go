package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/rotation"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/memory"
	"github.com/secondgate/secondgate/internal/store/records"
)

// ring parses the newest first.
func ring(t testing.TB, texts ...string) *keys.Ring {
	t.Helper()
	r, err := keys.Parse(strings.Join(texts, ""))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func idOf(t testing.TB, text string) string { return ring(t, text).Newest().String() }

// always is a ring that no reload changes.
func always(r *keys.Ring) func() *keys.Ring { return func() *keys.Ring { return r } }

type lab struct {
	*testing.T
	*rotation.Keeper
	store store.Store
}

func newLab(t *testing.T) *lab {
	t.Helper()
	st := records.Open(memory.New(), records.Options{})
	l := &lab{t, nil, st}
	l.restart()
	t.Cleanup(func() { l.Close(); st.Close() })
	return l
}

// restart is what a new process has: the store and no memory.
func (l *lab) restart() {
	if l.Keeper != nil {
		l.Close()
	}
	l.Keeper = rotation.New(l.store, zap.NewNop(), time.Now)
}

func (l *lab) admit(r *keys.Ring) func() {
	l.Helper()
	release, err := l.Admit(l.Context(), r)
	if err != nil {
		l.Fatal(err)
	}
	return release
}

// refused fails the test unless these keys are refused with these words in the error.
func (l *lab) refused(r *keys.Ring, words ...string) {
	l.Helper()
	_, err := l.Admit(l.Context(), r)
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			l.Errorf("error is %v; want %q in it", err, w)
		}
	}
}

func user(i int) store.UserKey {
	return store.UserKey{Realm: fmt.Sprint("realm", i%3), ID: fmt.Sprint("user", i)}
}

// secretOf is a user's, and opens only where it was sealed to.
func secretOf(key store.UserKey) string { return "secret of " + key.ID }

func (l *lab) enrol(r *keys.Ring, n int) {
	l.Helper()
	for i := range n {
		key := user(i)
		err := l.store.Update(l.Context(), key, func(tx store.Tx) error {
			return tx.PutUser(store.User{Key: key, TOTP: &store.TOTP{
				ID: "id", Secret: r.Seal([]byte(secretOf(key)), "totp secret", key.Realm, key.ID, "id"), Algorithm: "SHA1", Digits: 6, Period: 30,
			}})
		})
		if err != nil {
			l.Fatal(err)
		}
	}
}

// open fails the test unless every user's secret opens with the ring.
func (l *lab) open(r *keys.Ring, n int) {
	l.Helper()
	for i := range n {
		u, err := l.store.User(l.Context(), user(i))
		if err != nil {
			l.Fatal(err)
		}
		plain, err := r.Open(u.TOTP.Secret, "totp secret", u.Key.Realm, u.Key.ID, "id")
		if err != nil || string(plain) != secretOf(u.Key) {
			l.Errorf("the secret of %v: %q, %v", u.Key, plain, err)
		}
	}
}

// awaitResealed waits until a user's secret opens with the ring, because the walk runs ahead of
// the workers that seal again.
func (l *lab) awaitResealed(r *keys.Ring, key store.UserKey) {
	l.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		u, err := l.store.User(l.Context(), key)
		if err != nil {
			l.Error(err)
			return
		}
		if _, err := r.Open(u.TOTP.Secret, "totp secret", key.Realm, key.ID, "id"); err == nil {
			return
		}
	}
	l.Errorf("the secret of %v is not resealed", key)
}

// wait starts a rotation and waits for its end.
func (l *lab) wait(r func() *keys.Ring) rotation.Progress {
	l.Helper()
	if _, err := l.Start(l.Context(), r); err != nil {
		l.Fatal(err)
	}
	return l.ended()
}

func (l *lab) ended() rotation.Progress {
	l.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if p := l.Progress(); p.State != rotation.Running {
			return p
		}
	}
	l.Fatal("the rotation does not end")
	return rotation.Progress{}
}

// TestRotate: all records move to the newest key, and only then the old one may go.
func TestRotate(t *testing.T) {
	l := newLab(t)
	one, two, three := keys.Generate(), keys.Generate(), keys.Generate()
	first := ring(t, one)
	l.admit(first)()
	l.enrol(first, 40)
	both := ring(t, two, one)
	l.admit(both)()
	list, err := l.List(t.Context(), both)
	want := []rotation.Key{{ID: idOf(t, two), Newest: true}, {ID: idOf(t, one), Records: 41}}
	if err != nil || fmt.Sprint(list) != fmt.Sprint(want) {
		t.Errorf("%v, %v; want %v", list, err, want)
	}
	l.enrol(both, 7) // some users set up anew meanwhile
	l.refused(ring(t, three, two), "none of them is the one")

	p := l.wait(always(both))
	if p.State != rotation.Done || p.Total != 34 || p.Resealed != 34 || p.Unopened != 0 || p.Key != idOf(t, two) || p.Finished == nil {
		t.Errorf("%+v", p)
	}
	list, err = l.List(t.Context(), both)
	want = []rotation.Key{{ID: idOf(t, two), Newest: true, Records: 41}, {ID: idOf(t, one), Removable: true}}
	if err != nil || fmt.Sprint(list) != fmt.Sprint(want) {
		t.Errorf("%v, %v; want %v", list, err, want)
	}
	l.restart()
	second := ring(t, two)
	l.admit(second)()
	l.open(second, 40)
	l.refused(first, "none of them is the one")
}

// TestAdmit_KeyThatIsNeeded: a key that any record needs can't be removed, even if the newest key
// opens the record that identifies the store's keys.
func TestAdmit_KeyThatIsNeeded(t *testing.T) {
	l := newLab(t)
	one, two := keys.Generate(), keys.Generate()
	both, second := ring(t, two, one), ring(t, two)
	l.admit(ring(t, one))()
	l.admit(both)()
	l.wait(always(both))
	l.enrol(ring(t, one), 3) // as from a request that began before the reload
	l.refused(second, "the master key "+idOf(t, one)+" is not among them, and 3 records of this store are sealed with it", "secondgate keys rotate", "nothing was changed")
	l.admit(both)()
	l.wait(always(both))
	l.admit(second)()
	l.open(second, 3)
}

// TestAdmit_NewKeyTakenBack: a new first key that has sealed nothing may be removed again.
func TestAdmit_NewKeyTakenBack(t *testing.T) {
	l := newLab(t)
	one, two := keys.Generate(), keys.Generate()
	first := ring(t, one)
	l.admit(first)()
	l.enrol(first, 3)
	release := l.admit(ring(t, two, one))
	l.refused(first, "the master key "+idOf(t, two)+" is not among them, and the configuration that runs now still seals with it")
	release()
	l.admit(first)()
	l.open(first, 3)
	raw, err := l.store.Meta(t.Context(), store.MetaKeys)
	if ids, _ := rotation.KeysIn(raw); err != nil || fmt.Sprint(ids) != fmt.Sprint([]string{idOf(t, one)}) {
		t.Errorf("the list is %s, %v", raw, err)
	}
}

// TestAdmit_OlderStore: a store without a list is looked through.
func TestAdmit_OlderStore(t *testing.T) {
	l := newLab(t)
	one, two := keys.Generate(), keys.Generate()
	// The record that identifies the store's keys uses key two; a user's secret uses an older one.
	l.admit(ring(t, two))()
	l.enrol(ring(t, one), 2)
	err := l.store.UpdateMeta(t.Context(), store.MetaKeys, func([]byte) ([]byte, error) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	l.refused(ring(t, two), "the master key "+idOf(t, one)+" is not among them, and 2 records")
	l.admit(ring(t, two, one))()
	l.refused(ring(t, two), "the master key "+idOf(t, one)+" is not among them, and 2 records")
}

// TestRotate_BesideChanges: users' changes during a rotation are not lost.
func TestRotate_BesideChanges(t *testing.T) {
	l := newLab(t)
	const n, changes = 30, 20
	one, two := keys.Generate(), keys.Generate()
	l.admit(ring(t, one))()
	l.enrol(ring(t, one), n)
	both := ring(t, two, one)
	var work sync.WaitGroup
	for i := range n {
		work.Go(func() {
			for range changes {
				err := l.store.Update(context.Background(), user(i), func(tx store.Tx) error {
					u, err := tx.User()
					if err != nil {
						return err
					}
					totp := *u.TOTP
					totp.Floor++
					u.TOTP = &totp
					return tx.PutUser(u)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	if p := l.wait(always(both)); p.State != rotation.Done || p.Resealed != n+1 {
		t.Errorf("%+v", p)
	}
	work.Wait()
	l.open(ring(t, two), n)
	for i := range n {
		if u, err := l.store.User(t.Context(), user(i)); err != nil || u.TOTP.Floor != changes {
			t.Errorf("user %d: floor %d, %v; want %d", i, u.TOTP.Floor, err, changes)
		}
	}
}

// TestRotate_LateRecord: a request that began before the reload seals with the old key during the
// rotation. The rotation finds that record too.
func TestRotate_LateRecord(t *testing.T) {
	l := newLab(t)
	one, two := keys.Generate(), keys.Generate()
	l.admit(ring(t, one))()
	l.enrol(ring(t, one), 10)
	both := ring(t, two, one)
	var late sync.Once
	asked := 0
	p := l.wait(func() *keys.Ring {
		if asked++; asked == 8 { // the walk has passed the first users
			late.Do(func() {
				l.awaitResealed(ring(t, two), user(0))
				l.enrol(ring(t, one), 1)
			})
		}
		return both
	})
	if p.State != rotation.Done {
		t.Errorf("%+v", p)
	}
	l.open(ring(t, two), 10)
}

// TestRotate_Resumes: an interrupted rotation continues at the next start. A reload during a
// rotation changes its target to the newest key.
func TestRotate_Resumes(t *testing.T) {
	l := newLab(t)
	const n = 60
	one, two, three := keys.Generate(), keys.Generate(), keys.Generate()
	l.admit(ring(t, one))()
	l.enrol(ring(t, one), n)
	both, all := ring(t, two, one), ring(t, three, two, one)
	var asked int
	var mu sync.Mutex
	interrupted := func() *keys.Ring {
		mu.Lock()
		defer mu.Unlock()
		if asked++; asked > n/2 {
			return nil // as when no configuration runs any more
		}
		return both
	}
	if _, err := l.Start(t.Context(), interrupted); err != nil {
		t.Fatal(err)
	}
	l.restart()
	if p := l.Progress(); p.State != rotation.Never {
		t.Errorf("%+v", p)
	}
	if err := l.Resume(t.Context(), always(all)); err != nil {
		t.Fatal(err)
	}
	if p := l.ended(); p.State != rotation.Done || p.Key != idOf(t, three) {
		t.Errorf("%+v", p)
	}
	l.open(ring(t, three), n)
	l.restart()
	if err := l.Resume(t.Context(), always(all)); err != nil || l.Progress().State != rotation.Never {
		t.Errorf("a rotation that was done goes on: %+v, %v", l.Progress(), err)
	}
}

// TestRotate_Unopened: a secret that no key opens is reported and does not stop the rotation of
// other users.
func TestRotate_Unopened(t *testing.T) {
	l := newLab(t)
	one, two := keys.Generate(), keys.Generate()
	l.admit(ring(t, one))()
	l.enrol(ring(t, one), 5)
	// One user's secret is copied to another user.
	u, err := l.store.User(t.Context(), user(1))
	if err != nil {
		t.Fatal(err)
	}
	err = l.store.Update(t.Context(), user(2), func(tx store.Tx) error {
		other, err := tx.User()
		if err != nil {
			return err
		}
		other.TOTP = u.TOTP
		return tx.PutUser(other)
	})
	if err != nil {
		t.Fatal(err)
	}
	both := ring(t, two, one)
	if p := l.wait(always(both)); p.State != rotation.Done || p.Unopened != 1 || p.Resealed != 5 {
		t.Errorf("%+v", p)
	}
	l.refused(ring(t, two), "1 records of this store are sealed with it")
}

// TestRotate_StoreFails: a failed rotation is reported and can be started again.
func TestRotate_StoreFails(t *testing.T) {
	l := newLab(t)
	one, two := keys.Generate(), keys.Generate()
	l.admit(ring(t, one))()
	l.enrol(ring(t, one), 5)
	l.Close()
	failing := &failing{Store: l.store, after: 3}
	l.Keeper = rotation.New(failing, zap.NewNop(), time.Now)
	both := ring(t, two, one)
	if p := l.wait(always(both)); p.State != rotation.Failed || !strings.Contains(p.Error, errDisk.Error()) {
		t.Errorf("%+v", p)
	}
	failing.mu.Lock()
	failing.after = 1000
	failing.mu.Unlock()
	if p := l.wait(always(both)); p.State != rotation.Done {
		t.Errorf("%+v", p)
	}
	l.open(ring(t, two), 5)
}

var errDisk = errors.New("no space left")

// failing is a store with a disk that is full after some changes of users.
type failing struct {
	store.Store
	mu    sync.Mutex
	after int
}

func (f *failing) Update(ctx context.Context, key store.UserKey, fn func(store.Tx) error) error {
	f.mu.Lock()
	f.after--
	full := f.after < 0
	f.mu.Unlock()
	if full {
		return errDisk
	}
	return f.Store.Update(ctx, key, fn)
}

// TestEvents: changes of keys are in the audit log.
func TestEvents(t *testing.T) {
	l := newLab(t)
	one, two := keys.Generate(), keys.Generate()
	l.admit(ring(t, one))()
	both := ring(t, two, one)
	l.admit(both)()
	l.admit(both)()
	l.wait(always(both))
	l.admit(ring(t, two))()
	var kinds []string
	_, err := l.store.Settle(t.Context(), 100, func(_ store.Entry, pending [][]byte) (store.Settled, error) {
		for _, raw := range pending {
			e, err := store.UnmarshalEvent(raw)
			if err != nil {
				return store.Settled{}, err
			}
			kinds = append(kinds, e.Kind+" "+e.Detail["key"])
		}
		return store.Settled{}, nil
	})
	want := []string{store.EventKeyAdded + " " + idOf(t, two), store.EventKeysRotated + " " + idOf(t, two), store.EventKeyRemoved + " " + idOf(t, one)}
	if err != nil || fmt.Sprint(kinds) != fmt.Sprint(want) {
		t.Errorf("%v, %v; want %v", kinds, err, want)
	}
}
