package factor

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/secondgate/secondgate/internal/clockdrift"
	"github.com/secondgate/secondgate/internal/meter"
)

// numbers are what was counted, by "name [values]", without what is zero.
func numbers(t *testing.T, m *meter.Realm) map[string]uint64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(m)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]uint64)
	for _, f := range families {
		name := strings.TrimSuffix(strings.TrimPrefix(f.GetName(), meter.Prefix), "_total")
		for _, counted := range f.GetMetric() {
			var values []string
			for _, l := range counted.GetLabel() {
				if l.GetName() != "realm" {
					values = append(values, l.GetValue())
				}
			}
			if n := counted.GetCounter().GetValue(); n > 0 {
				out[name+" "+fmt.Sprint(values)] = uint64(n)
			}
		}
	}
	return out
}

// TestMeasure: every attempt is counted once, by its kind and what became of it.
func TestMeasure(t *testing.T) {
	l := newLab(t)
	m := meter.New("shop")
	l.Meter = m
	e, backup := l.enrol(alice)
	l.clock.Advance(5 * time.Minute)
	for _, code := range []string{l.wrong(e), "12", l.code(e, -1), backup[0], l.code(e, 1)} {
		kind := KindTOTP
		if code == backup[0] {
			kind = KindBackup
		}
		_ = l.spend(Attempt{User: alice, Code: code, Kind: kind, Address: home})
	}
	_ = l.spend(Attempt{User: "nobody", Code: "123456", Kind: KindTOTP, Address: home})
	want := map[string]uint64{
		"enrolments [first]": 1, "challenges [totp wrong]": 1, "challenges [totp malformed]": 1, "challenges [totp passed]": 2,
		"challenges [backup passed]": 1, "challenges [totp failed]": 1, "totp_steps [previous]": 1, "totp_steps [next]": 1,
	}
	got := numbers(t, m)
	for name, n := range want {
		if got[name] != n {
			t.Errorf("%s: %d, want %d", name, got[name], n)
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("and besides: %v", got)
	}
}

// TestAgesAreNoted: the ages of accepted codes reach the watch, by user, and those of
// refused ones don't.
func TestAgesAreNoted(t *testing.T) {
	few := defaults
	few.BackupCodes = 1 // each costs a hash
	l := newLabWith(t, few)
	l.Drift = clockdrift.New(l.clock.Now)
	for i := range clockdrift.MinUsers {
		user := fmt.Sprint("user", i)
		e, backup := l.enrol(user)
		l.clock.Advance(5 * time.Minute)
		l.clock.Set(l.clock.Now().Truncate(30 * time.Second).Add(25 * time.Second)) // 55 s after the step before began
		_ = l.spend(Attempt{User: user, Code: l.wrong(e), Kind: KindTOTP, Address: home})
		_ = l.spend(Attempt{User: user, Code: backup[0], Kind: KindBackup, Address: home})
		if n := l.Drift.Estimate().Users; n != i {
			t.Fatalf("%d users are watched before the first right code of the %dth", n, i+1)
		}
		l.clock.Advance(2 * 30 * time.Second)
		if err := l.spend(Attempt{User: user, Code: l.code(e, -1), Kind: KindTOTP, Address: home}); err != nil {
			t.Fatal(err)
		}
	}
	if e := l.Drift.Estimate(); !e.Alarming() || e.Lean < 30*time.Second {
		t.Errorf("all codes are 55 s old: %+v", e)
	}
}
