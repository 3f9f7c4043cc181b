package factor

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

const firefox = "Mozilla/5.0 Firefox/140.0"

// events takes what was recorded since the last time.
func (l *lab) events() (events []store.Event) {
	l.t.Helper()
	_, err := l.store.Settle(l.t.Context(), 1000, func(_ store.Entry, pending [][]byte) (store.Settled, error) {
		events = nil
		for _, raw := range pending {
			e, err := store.UnmarshalEvent(raw)
			if err != nil {
				return store.Settled{}, err
			}
			events = append(events, e)
		}
		return store.Settled{}, nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return events
}

// recorded compares them, written as "kind factor name=value …", with what is wanted.
func (l *lab) recorded(want ...string) {
	l.t.Helper()
	var got []string
	for _, e := range l.events() {
		words := []string{e.Kind, e.Factor}
		for _, name := range []string{"failures", "until", "left", "codes", "backup_codes", "sessions_ended", "for"} {
			if v := e.Detail[name]; v != "" {
				words = append(words, name+"="+v)
			}
		}
		got = append(got, strings.TrimRight(strings.Join(words, " "), " "))
		if e.Realm != "shop" || e.User != alice || e.Agent != firefox || e.Address == "" || !e.At.Equal(l.clock.Now()) {
			l.t.Errorf("not whose, where from, or when: %+v", e)
		}
	}
	if !slices.Equal(got, want) {
		l.t.Errorf("recorded\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestEvents: every act on a factor is recorded with it, and nothing else is.
func TestEvents(t *testing.T) {
	l := newLab(t)
	from := Attempt{User: alice, Address: home, Agent: firefox}
	with := func(code string, cleared *store.VisitID) Attempt {
		a := from
		a.Code, a.Cleared = code, cleared
		return a
	}
	e, err := l.Begin("")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Confirm(t.Context(), with(l.wrong(e), nil), e, store.VisitID{}, nil); err == nil {
		t.Fatal("a wrong code confirmed")
	}
	l.recorded() // that secret is not in use
	done, err := l.Confirm(t.Context(), with(l.code(e, 0), nil), e, store.VisitID{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.recorded("enrolled totp backup_codes=2 sessions_ended=0")
	l.clock.Advance(time.Minute)

	_ = l.spend(with(l.wrong(e), nil))
	_ = l.spend(with("what?", nil))
	_ = l.spend(with(l.code(e, 0), nil))
	l.recorded("challenge_failed totp failures=1", "challenge_passed totp")
	_ = l.spend(with(done.BackupCodes[0], nil))
	l.recorded("challenge_passed backup", "backup_code_used backup left=1")

	cleared := l.clear(alice, 1)
	l.clock.Advance(time.Minute)
	_ = l.spend(with(l.wrong(e), cleared))
	if _, err := l.Regenerate(t.Context(), with(l.code(e, 0), cleared)); err != nil {
		t.Fatal(err)
	}
	l.recorded("challenge_failed totp for=change", "challenge_passed totp for=change", "backup_codes_generated backup codes=2")

	second, err := l.Begin(e.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Confirm(t.Context(), with(l.code(second, 0), nil), second, store.VisitID{}, nil); err != nil {
		t.Fatal(err)
	}
	l.recorded("replaced totp sessions_ended=1")
	cleared = l.clear(alice, 2)
	l.clock.Advance(time.Minute)
	if _, err := l.Disable(t.Context(), with(l.code(second, 0), cleared), nil); err != nil {
		t.Fatal(err)
	}
	l.recorded("challenge_passed totp for=change", "disabled totp sessions_ended=1")
}

// TestEvents_Throttle: an event is recorded when a wait starts, and not for the attempts that it
// refuses. The number of events is therefore bounded by the number of permitted attempts. At the
// end, one event says that the authenticator's codes are off.
func TestEvents_Throttle(t *testing.T) {
	s := defaults
	s.Throttle.Free, s.Throttle.Stop, s.Throttle.AddressCount = 1, 3, 0
	l := newLabWith(t, s)
	e, _ := l.enrol(alice)
	l.events()
	a := Attempt{User: alice, Address: home, Agent: firefox}
	for range 20 {
		a.Code = l.wrong(e)
		_ = l.spend(a)
	}
	until := l.clock.Now().Add(s.Throttle.Wait).Format(time.RFC3339)
	l.recorded("challenge_failed totp failures=1", "challenge_failed totp failures=2", "throttled totp failures=2 until="+until)
	l.clock.Advance(time.Hour)
	for range 20 {
		a.Code = l.wrong(e)
		_ = l.spend(a)
	}
	l.recorded("challenge_failed totp failures=3", "locked totp failures=3")
}

// TestEvents_Address: an address that has to wait for a user is told once in the throttle's
// time, however often its waits end and begin.
func TestEvents_Address(t *testing.T) {
	s := defaults
	s.Throttle.Free, s.Throttle.Stop, s.Throttle.AddressCount = 1000, 1001, 10
	l := newLabWith(t, s)
	l.enrol(alice)
	l.events()
	tell := func() (n int) {
		for end := l.clock.Now().Add(s.Throttle.AddressPer / 2); l.clock.Now().Before(end); l.clock.Advance(5 * time.Second) {
			_ = l.spend(Attempt{User: alice, Code: "000000", Address: home, Agent: firefox})
		}
		for _, e := range l.events() {
			if e.Kind == store.EventFailed {
				continue
			}
			if e.Kind != store.EventThrottled || e.Address != home || e.User != alice || e.Reason == "" || e.Detail["until"] == "" {
				t.Errorf("not of the address: %+v", e)
			}
			n++
		}
		return n
	}
	for i, want := range []int{1, 0, 1, 0} {
		if n := tell(); n != want {
			t.Errorf("half %d: told %d times, want %d", i, n, want)
		}
	}
}

// TestEvents_Cleared: the wrong code that ends a cleared session tells so.
func TestEvents_Cleared(t *testing.T) {
	l := newLab(t)
	e, _ := l.enrol(alice)
	l.events()
	cleared := l.clear(alice, 1)
	for range clearedBudget + 2 {
		_ = l.spend(Attempt{User: alice, Code: l.wrong(e), Address: home, Agent: firefox, Cleared: cleared})
	}
	want := slices.Repeat([]string{"challenge_failed totp for=change"}, clearedBudget)
	l.recorded(append(want, "session_ended totp")...)
}

// TestEvents_NothingWithoutTheAct: what could not be bought is not recorded as bought.
func TestEvents_NothingWithoutTheAct(t *testing.T) {
	l := newLab(t)
	e, _ := l.enrol(alice)
	l.events()
	_, err := l.Spend(t.Context(), Attempt{User: alice, Code: l.code(e, 0), Address: home, Agent: firefox},
		func(store.Tx, *store.User, Accepted) error { return fmt.Errorf("the portal is gone") })
	if err == nil {
		t.Fatal("bought")
	}
	l.recorded()
}
