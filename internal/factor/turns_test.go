package factor

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// waiting returns how many attempts of the user wait for a hash or compute one.
func (t *turns) waiting(user string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l := t.lines[user]; l != nil {
		return l.size
	}
	return 0
}

// TestAttack_B4_WrongCodesOfOneUser: wrong backup codes of one user, sent from many addresses at
// once, hold up another user's right backup code and a third user's first set-up by one hash
// each, not by all of them.
func TestAttack_B4_WrongCodesOfOneUser(t *testing.T) {
	const many = 100
	settings := defaults
	settings.BackupCodes = 10
	l := newLabWith(t, settings)
	l.enrol(bob)
	_, codes := l.enrol(alice)
	e, err := l.Begin("")
	if err != nil {
		t.Fatal(err)
	}
	if !hashing.TryAcquire(2) {
		t.Fatal("another test hashes")
	}
	var all sync.WaitGroup
	var wrong atomic.Int32
	for i := range many {
		all.Go(func() {
			err := l.spend(Attempt{User: bob, Code: "0000-0000-0000-0000", Address: fmt.Sprint("198.51.100.", i)})
			if !errors.Is(err, ErrWrongCode) {
				t.Errorf("a wrong code: %v", err)
			}
			wrong.Add(1)
		})
	}
	until := func(what string, done func() bool) {
		for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Errorf("%s: not within 20 s", what)
				return
			}
		}
	}
	until("wrong codes", func() bool { return l.turns.waiting(bob) == many })
	time.Sleep(50 * time.Millisecond) // the last one has joined its line, and waits
	var before [2]int32
	all.Go(func() {
		if err := l.spend(Attempt{User: alice, Code: codes[0], Address: home}); err != nil {
			t.Errorf("the right code of another user: %v", err)
		}
		before[0] = wrong.Load()
	})
	until("the right code", func() bool { return l.turns.waiting(alice) == 1 })
	time.Sleep(50 * time.Millisecond)
	all.Go(func() {
		if _, err := l.Confirm(t.Context(), Attempt{User: "carol", Code: l.code(e, 0), Address: home}, e, store.VisitID{}, nil); err != nil {
			t.Errorf("the set-up of a third user: %v", err)
		}
		before[1] = wrong.Load()
	})
	time.Sleep(50 * time.Millisecond)
	hashing.Release(2)
	all.Wait()
	// Both slots go on hashing while the two are recorded, so a few wrong codes may be sooner.
	for i, what := range []string{"the right code", "the set-up"} {
		if before[i] > many/4 {
			t.Errorf("%s waited for %d wrong codes of one user", what, before[i])
		}
	}
	if n := len(l.turns.lines); n != 0 {
		t.Errorf("%d lines are left", n)
	}
}
