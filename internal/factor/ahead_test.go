package factor

import (
	"errors"
	"testing"
	"time"
)

// TestAttack_J5_ClockWasAhead: a code that was accepted while the clock was 900 days ahead
// bars its user until then, or until staff unlock; that code is good neither now nor then.
func TestAttack_J5_ClockWasAhead(t *testing.T) {
	const ahead = 900 * 24 * time.Hour
	l := newLab(t)
	e, _ := l.enrol(alice)
	if until, is := l.Ahead(ref(l.record(alice))); is {
		t.Fatalf("ahead until %v while the clock is right", until)
	}
	l.clock.Advance(ahead)
	future := l.code(e, 0)
	if err := l.spend(Attempt{User: alice, Code: future, Address: home}); err != nil {
		t.Fatal(err)
	}
	then := l.clock.Now()
	l.clock.Advance(-ahead)
	l.clock.Advance(5 * time.Minute)
	if err := l.spend(Attempt{User: alice, Code: l.code(e, 0), Address: home}); !errors.Is(err, ErrWrongCode) {
		t.Fatalf("before staff unlock: %v, want %v", err, ErrWrongCode)
	}
	if _, until := l.Lock(ref(l.record(alice))); until.Before(then) {
		t.Errorf("staff see no lock until %v, but %v", then, until)
	}
	if err := l.Unlock(t.Context(), alice, nil); err != nil {
		t.Fatal(err)
	}
	l.clock.Advance(2 * time.Minute)
	if err := l.spend(Attempt{User: alice, Code: l.code(e, 0), Address: home}); err != nil {
		t.Errorf("after staff unlocked: %v", err)
	}
	l.clock.Set(then)
	if err := l.spend(Attempt{User: alice, Code: future, Address: home}); !errors.Is(err, ErrWrongCode) {
		t.Errorf("the code of then is good twice: %v", err)
	}
}

func ref[T any](v T) *T { return &v }
