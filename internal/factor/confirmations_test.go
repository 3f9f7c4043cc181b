package factor

import (
	"sync"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// TestAttack_ManyConfirmations: a user without a factor confirms one set-up many times at once,
// from many visits. Each confirmation hashes ten backup codes before it finds that another was
// first. Another user's backup code must not wait for all of these hashes.
func TestAttack_ManyConfirmations(t *testing.T) {
	realHashes(t)
	settings := defaults
	settings.BackupCodes = 10
	l := newLabWith(t, settings)
	_, codes := l.enrol(alice)
	e, err := l.Begin("")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := l.spend(Attempt{User: alice, Code: codes[0], Address: home}); err != nil {
		t.Fatal(err)
	}
	alone := time.Since(began)
	code := l.code(e, 0)
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			_, _ = l.Confirm(t.Context(), Attempt{User: bob, Code: code, Address: "192.0.2.66"}, e, store.VisitID{}, nil)
		})
	}
	time.Sleep(100 * time.Millisecond)
	began = time.Now()
	if err := l.spend(Attempt{User: alice, Code: codes[1], Address: home}); err != nil {
		t.Fatal(err)
	}
	beside := time.Since(began)
	all.Wait()
	t.Logf("alone %v, beside 40 confirmations of one set-up %v; these took %v", alone, beside, time.Since(began))
	if total := time.Since(began); total > 60*alone {
		t.Errorf("40 confirmations of which one counts took %v of hashing, one hash takes %v", total, alone)
	}
}
