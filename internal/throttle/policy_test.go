package throttle

import (
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

var (
	noon   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	policy = Policy{Free: 5, Wait: 30 * time.Second, Max: 15 * time.Minute, Stop: 100, AddressCount: 30, AddressPer: 10 * time.Minute}
)

func TestNext(t *testing.T) {
	for _, test := range []struct {
		name   string
		policy Policy
		before int
		wait   time.Duration
	}{
		{"first", policy, 0, 0},
		{"last free one", policy, 4, 0},
		{"first that costs", policy, 5, 30 * time.Second},
		{"doubles", policy, 6, time.Minute},
		{"doubles again", policy, 9, 8 * time.Minute},
		{"longest", policy, 10, 15 * time.Minute},
		{"stays longest", policy, 98, 15 * time.Minute},
		{"after the stop", policy, 5000, 15 * time.Minute},
		{"nothing free", Policy{Wait: time.Second, Max: time.Minute}, 0, time.Second},
		{"longest below the first", Policy{Wait: time.Minute, Max: time.Second}, 0, time.Second},
		{"no overflow", Policy{Wait: time.Hour, Max: 1 << 62}, 1 << 20, 1 << 62},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := test.policy.Next(store.Failures{Count: test.before, Until: noon.Add(-time.Hour)}, noon)
			if f.Count != test.before+1 {
				t.Errorf("count %d, want %d", f.Count, test.before+1)
			}
			want := time.Time{}
			if test.wait > 0 {
				want = noon.Add(test.wait)
			}
			if !f.Until.Equal(want) {
				t.Errorf("until %v, want %v", f.Until, want)
			}
		})
	}
}

func TestBlocked(t *testing.T) {
	for _, test := range []struct {
		name  string
		until time.Time
		want  bool
	}{
		{"never", time.Time{}, false},
		{"over", noon.Add(-time.Nanosecond), false},
		{"just over", noon, false},
		{"in effect", noon.Add(time.Nanosecond), true},
		{"the longest", noon.Add(15 * time.Minute), true},
		{"by a node that is ahead", noon.Add(16 * time.Minute), true},
		{"the clock was set back", noon.Add(24 * time.Hour), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			until, blocked := policy.Blocked(store.Failures{Count: 9, Until: test.until}, noon)
			if blocked != test.want {
				t.Fatalf("blocked %v, want %v", blocked, test.want)
			}
			if blocked && !until.Equal(test.until) {
				t.Errorf("until %v, want %v", until, test.until)
			}
		})
	}
}

func TestStopped_NIST(t *testing.T) {
	for count, want := range map[int]bool{0: false, 99: false, 100: true, 101: true} {
		if got := policy.Stopped(store.Failures{Count: count}); got != want {
			t.Errorf("stopped after %d: %v, want %v", count, got, want)
		}
	}
}

// How long 100 guesses take is what the whole policy is about: it is written down
// here so that a change of it is noticed.
func TestHundredFailuresTakeADay(t *testing.T) {
	now, f := noon, store.Failures{}
	for range 100 {
		if until, blocked := policy.Blocked(f, now); blocked {
			now = until
		}
		f = policy.Next(f, now)
	}
	if took := now.Sub(noon); took != 22*time.Hour+30*time.Minute+30*time.Second {
		t.Errorf("100 failures take %v", took)
	}
}
