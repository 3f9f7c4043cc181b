package meter

import (
	"crypto/rand"
	"fmt"
	"sync"
	"testing"
	"time"
)

// seriesOf are the series that a realm shows, and the sum of all its numbers.
func seriesOf(r *Realm) (names map[string]bool, sum uint64) {
	names = make(map[string]bool)
	for _, c := range r.Counters() {
		c.Each(func(n uint64, values []string) {
			names[c.Name+fmt.Sprint(values)] = true
			sum += n
		})
	}
	return names, sum
}

// TestAMillionStrangers: whatever values come, a counter shows no more than its lists and
// one more for each label, and loses nothing.
func TestAMillionStrangers(t *testing.T) {
	r := New()
	const strangers = 1_000_000
	before, _ := seriesOf(r)
	name := make([]byte, 16)
	for i := range strangers {
		if i%64 == 0 {
			_, _ = rand.Read(name)
		}
		name[i%16]++
		who := string(name)
		r.Challenge(who, who)
		r.Held(who)
		r.Answer(who, time.Duration(i))
		r.Throttle(who)
		r.Enrolment(who)
		r.Step(int64(i))
	}
	after, sum := seriesOf(r)
	if more := len(after) - len(before); more > 6 {
		t.Errorf("a million strangers made %d series", more)
	}
	if sum != 6*strangers {
		t.Errorf("counted %d, want %d", sum, 6*strangers)
	}
}

// TestEach: every number stands under its own values.
func TestEach(t *testing.T) {
	r := New()
	r.Challenge("backup", Wrong)
	r.Challenge("backup", Wrong)
	r.Challenge("totp", Passed)
	r.Challenge("carrier pigeon", Passed)
	got := make(map[string]uint64)
	r.challenges.Each(func(n uint64, values []string) { got[fmt.Sprint(values)] = n })
	for name, want := range map[string]uint64{"[backup wrong]": 2, "[totp passed]": 1, "[other passed]": 1, "[totp wrong]": 0, "[recovery off]": 0} {
		if n, shown := got[name]; n != want || !shown {
			t.Errorf("%s: %d (shown: %v), want %d", name, n, shown, want)
		}
	}
	if _, shown := got["[other wrong]"]; shown {
		t.Error("what is counted as other is shown though there is nothing")
	}
}

// TestHistogram: buckets are cumulative, and a duration on a bound is within it.
func TestHistogram(t *testing.T) {
	h := newHistogram([]time.Duration{time.Millisecond, time.Second})
	for _, d := range []time.Duration{-time.Hour, time.Millisecond, 2 * time.Millisecond, time.Second, time.Minute} {
		h.observe(d)
	}
	count, sum, buckets := h.Read()
	if count != 5 || buckets[0.001] != 2 || buckets[1] != 4 || sum < 61 || sum > 61.1 {
		t.Errorf("count %d, sum %v, buckets %v", count, sum, buckets)
	}
}

// TestNothingIsLost when many count at once, and nil counts nothing.
func TestNothingIsLost(t *testing.T) {
	r := New()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				r.Forward(time.Microsecond)
				r.Dropped(2)
			}
		})
	}
	all.Wait()
	if n, _, _ := r.Gate(Forwarded).Read(); n != 8000 {
		t.Errorf("%d durations, want 8000", n)
	}
	if _, sum := seriesOf(r); sum != 16000 {
		t.Errorf("%d cookies, want 16000", sum)
	}
	var none *Realm
	none.Challenge("totp", Passed)
	none.Step(0)
	none.Enrolment(First)
	none.Answer(User, 0)
	none.Unnamed()
	none.Throttle(ByUser)
	none.Held(Unknown)
	none.Dropped(1)
	none.Forward(0)
	none.Refuse(0)
}

// TestForwardAllocatesNothing: it is on the cleared request's way.
func TestForwardAllocatesNothing(t *testing.T) {
	r, began := New(), time.Now()
	if n := testing.AllocsPerRun(1000, func() { r.Forward(time.Since(began)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkForward is what a cleared request pays: a look at the clock and two additions.
func BenchmarkForward(b *testing.B) {
	r, began := New(), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		r.Forward(time.Since(began))
	}
}

// BenchmarkForwardParallel is the same on all processors at once.
func BenchmarkForwardParallel(b *testing.B) {
	r, began := New(), time.Now()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r.Forward(time.Since(began))
		}
	})
}
