package clockdrift

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// people are customers: how long they type, how well their telephones' clocks go, and
// whether they wait for the next code when little is left of one.
type people struct {
	typing, spread float64 // seconds (median), sigma of the lognormal
	drift          float64 // seconds (sigma) of their telephones
	wait           float64 // seconds
}

var usual = people{typing: 8, spread: 0.6, drift: 1}

// visit simulates the sign-ins of so many users at a server with a clock that is ahead, and
// records the accepted steps.
func (p people) visit(w *Watch, r *rand.Rand, users int, ahead time.Duration) (refused int) {
	for n := 0; n < users; {
		look := r.Float64() * 30
		if 30-look < p.wait {
			look = r.Float64() * 3 // of the next code
		}
		seconds := look + p.typing*math.Exp(p.spread*r.NormFloat64()) + p.drift*r.NormFloat64() + ahead.Seconds()
		if seconds < -30 || seconds >= 60 {
			refused++
			if refused > 100*users {
				return refused
			}
			continue
		}
		w.Note("shop", fmt.Sprint("user", n), time.Duration(seconds*float64(time.Second)), Period)
		n++
	}
	return refused
}

func still() time.Time { return time.Date(2031, 4, 5, 6, 7, 8, 0, time.UTC) }

// TestHonestClocks: a right clock is never reported, for any mix of honest customers in any of
// many portals.
func TestHonestClocks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for name, p := range map[string]people{
		"usual":             usual,
		"password managers": {typing: 2, spread: 0.3, drift: 0.3},
		"slow":              {typing: 18, spread: 0.4, drift: 1},
		"all kinds":         {typing: 9, spread: 1, drift: 4},
		"who wait":          {typing: 7, spread: 0.5, drift: 1, wait: 10},
		"bad telephones":    {typing: 8, spread: 0.6, drift: 12},
	} {
		for range 300 {
			w := New(still)
			p.visit(w, r, MinUsers+r.IntN(maxUsers), 0)
			if e := w.Estimate(); e.Alarming() {
				t.Errorf("%s: a clock that is right was suspected: %+v", name, e)
				break
			}
		}
	}
	// A small offset of the clock is not reported.
	for _, ahead := range []time.Duration{-5 * time.Second, 5 * time.Second} {
		w := New(still)
		usual.visit(w, r, maxUsers, ahead)
		if e := w.Estimate(); e.Alarming() {
			t.Errorf("%v: %+v", ahead, e)
		}
	}
}

// TestWrongClocks: a clock that is 25 s and more off is found, to the right side, and
// the estimate is near it, though much of what is late is refused.
func TestWrongClocks(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, ahead := range []time.Duration{-40, -30, -25, 25, 30, 40} {
		ahead *= time.Second
		found, leans := 0, []time.Duration{}
		for range 50 {
			w := New(still)
			usual.visit(w, r, maxUsers, ahead)
			e := w.Estimate()
			leans = append(leans, e.Lean)
			if e.Alarming() && (e.Lean > 0) == (ahead > 0) {
				found++
			}
		}
		slices.Sort(leans)
		middle := leans[len(leans)/2]
		t.Logf("%v: found %d of 50, estimates %v to %v, mostly %v", ahead, found, leans[0], leans[49], middle)
		if found < 48 {
			t.Errorf("%v: found %d times of 50", ahead, found)
		}
		if off := middle - ahead; off < -4*time.Second || off > 4*time.Second {
			t.Errorf("%v: mostly estimated as %v", ahead, middle)
		}
	}
}

// TestOthersToo: a clock that is far off is found with other customers as well.
func TestOthersToo(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, p := range []people{{typing: 3, spread: 0.4, drift: 1}, {typing: 15, spread: 0.5, drift: 1}, {typing: 8, spread: 0.6, drift: 8}} {
		for _, ahead := range []time.Duration{-35 * time.Second, 30 * time.Second} {
			w := New(still)
			p.visit(w, r, maxUsers, ahead)
			if e := w.Estimate(); !e.Alarming() || (e.Lean > 0) != (ahead > 0) {
				t.Errorf("%+v, %v ahead: %+v", p, ahead, e)
			}
		}
	}
}

// TestFewUsers: a few users are no evidence, and repeated codes of one user count as one.
func TestFewUsers(t *testing.T) {
	w := New(still)
	for range 1000 {
		w.Note("shop", "alice", 59*time.Second, Period)
	}
	if e := w.Estimate(); e.Users != 1 || e.Known() || e.Lean != 0 {
		t.Errorf("one user: %+v", e)
	}
	for i := range MinUsers - 2 {
		w.Note("shop", fmt.Sprint(i), 59*time.Second, Period)
	}
	if w.Estimate().Known() {
		t.Error("too few users are enough")
	}
	w.Note("other", "alice", 59*time.Second, Period)
	if e := w.Estimate(); !e.Alarming() {
		t.Errorf("enough users, all late: %+v", e)
	}
}

// TestBounds: the window is bounded, forgets what is old and takes nothing from
// authenticators of another kind.
func TestBounds(t *testing.T) {
	now := still()
	w := New(func() time.Time { return now })
	for i := range 10 * maxUsers {
		w.Note("shop", fmt.Sprint(i), time.Second, Period)
	}
	if n := w.Estimate().Users; n != maxUsers {
		t.Errorf("%d users are kept, want %d", n, maxUsers)
	}
	now = now.Add(maxAge + time.Second)
	if n := w.Estimate().Users; n != 0 {
		t.Errorf("%d users are kept for long", n)
	}
	w.Note("shop", "a", time.Second, time.Minute)
	w.Note("shop", "b", 60*time.Second, Period)
	w.Note("shop", "c", -31*time.Second, Period)
	(*Watch)(nil).Note("shop", "d", 0, Period)
	if n := w.Estimate().Users; n != 0 {
		t.Errorf("%d users of another kind are kept", n)
	}
	w.Note("shop", "e", 0, Period)
	w.Forget()
	if n := w.Estimate().Users; n != 0 {
		t.Error("nothing was forgotten")
	}
}

// TestMedians: the table has the medians of the reference customer, to a tenth of a
// second.
func TestMedians(t *testing.T) {
	var ages []float64 // without a lean
	for look := 0.25; look < 30; look += 0.5 {
		for p := 0.005; p < 1; p += 0.01 {
			ages = append(ages, look+usual.typing*math.Exp(usual.spread*math.Sqrt2*math.Erfinv(2*p-1)))
		}
	}
	slices.Sort(ages)
	for i, want := range medians {
		lean := float64(leanStep * (i - len(medians)/2))
		from, _ := slices.BinarySearch(ages, -30-lean)
		to, _ := slices.BinarySearch(ages, 60-lean)
		if got := ages[(from+to)/2] + lean; math.Abs(got-want) > 0.06 {
			t.Errorf("a lean of %v s shows a median of %.2f s, not %v", lean, got, want)
		}
	}
}

// TestMonotonic: a later median never shows a lesser lean, and every lean is within the
// table.
func TestMonotonic(t *testing.T) {
	for age := -30 * time.Second; age < 60*time.Second; age += 500 * time.Millisecond {
		if a, b := leanOf(age), leanOf(age+500*time.Millisecond); b < a || a < -50*time.Second || b > 50*time.Second {
			t.Fatalf("age %v leans %v, half a second more %v", age, a, b)
		}
	}
	for age, want := range map[float64]time.Duration{-30: -50, 24.3: 0, 38.9: 15, 60: 50} {
		if got := leanOf(time.Duration(age * float64(time.Second))); got != want*time.Second {
			t.Errorf("a median of %v s leans %v, want %d s", age, got, want)
		}
	}
}
