package meter

import (
	"crypto/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// gather returns the value of each series of a collector, by its text without values, and
// the sum of all counters. A histogram's value is how much it counted.
func gather(t testing.TB, c prometheus.Collector) (series map[string]uint64, sum uint64) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	series = make(map[string]uint64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := strings.TrimPrefix(f.GetName(), Prefix)
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			n := uint64(m.GetCounter().GetValue())
			sum += n
			series[name] = n + m.GetHistogram().GetSampleCount()
		}
	}
	return series, sum
}

// TestAMillionStrangers: for any input a counter has only the listed label values and one more for
// all others, and counts everything.
func TestAMillionStrangers(t *testing.T) {
	r := New("shop")
	const strangers = 1_000_000
	before, _ := gather(t, r)
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
	after, sum := gather(t, r)
	if more := len(after) - len(before); more > 6 {
		t.Errorf("a million strangers made %d series", more)
	}
	if sum != 6*strangers {
		t.Errorf("counted %d, want %d", sum, 6*strangers)
	}
}

// TestEach: each count has its own label values, listed values are shown before they occur, and
// unlisted values count as other.
func TestEach(t *testing.T) {
	r := New("shop")
	r.Challenge("backup", Wrong)
	r.Challenge("backup", Wrong)
	r.Challenge("totp", Passed)
	r.Challenge("carrier pigeon", Passed)
	r.Step(-1)
	r.Step(2)
	got, _ := gather(t, r)
	for name, want := range map[string]uint64{
		"challenges_total backup shop wrong": 2, "challenges_total totp shop passed": 1, "challenges_total other shop passed": 1,
		"challenges_total totp shop wrong": 0, "challenges_total recovery shop off": 0, "totp_steps_total shop previous": 1, "totp_steps_total shop other": 1,
		"page_views_total shop": 0,
	} {
		if n, shown := got[name]; n != want || !shown {
			t.Errorf("%s: %d (shown: %v), want %d", name, n, shown, want)
		}
	}
	if _, shown := got["challenges_total other shop wrong"]; shown {
		t.Error("an unlisted value is shown that never occurred")
	}
}

// TestNothingIsLost when many count at once, and nil counts nothing.
func TestNothingIsLost(t *testing.T) {
	r := New("shop")
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
	series, sum := gather(t, r)
	if n := series["gate_duration_seconds forwarded shop"]; n != 8000 {
		t.Errorf("%d durations, want 8000", n)
	}
	if sum != 16000 {
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
	r, began := New("shop"), time.Now()
	if n := testing.AllocsPerRun(1000, func() { r.Forward(time.Since(began)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkForward is what a cleared request pays: a reading of the clock and a histogram.
func BenchmarkForward(b *testing.B) {
	r, began := New("shop"), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		r.Forward(time.Since(began))
	}
}

// BenchmarkForwardParallel is the same on all processors at once.
func BenchmarkForwardParallel(b *testing.B) {
	r, began := New("shop"), time.Now()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r.Forward(time.Since(began))
		}
	})
}
