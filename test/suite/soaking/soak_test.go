//go:build crash

package soaking

import (
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// The usual values are those of the short form; ./test/soak asks for more.
var (
	length        = flag.Duration("length", 6*time.Second, "how long customers are at it, after a warm-up")
	customers     = flag.Int("customers", 10, "how many of them")
	strangerCount = flag.Int("strangers", 20_000, "how many requests of strangers")
)

// maxInFlight is how many requests of customers are under way at a time.
const maxInFlight = 16

// TestSoak: under load, reloads and all, every wrong code is refused, every right one
// accepted, and nothing fails; afterwards no goroutine, file or memory is left over,
// and the store holds what it has to and nothing else (threats G, resources).
// Strangers change nothing of it, not a byte.
func TestSoak(t *testing.T) {
	needProc(t)
	portal := httptest.NewServer(newManyPortal())
	defer portal.Close()
	s := &soak{t: t, p: newProgram(t, portal.URL), slots: make(chan struct{}, maxInFlight),
		transport: &http.Transport{MaxIdleConnsPerHost: maxInFlight, DisableCompression: true}}
	s.p.start()
	s.load()
	s.p.stop()
	if t.Failed() {
		t.Fatalf("log:\n%s", s.p.log())
	}
	before := readStore(t, s.p.storeDir())
	held := count(t, s.p.storeDir(), before)
	t.Logf("store: %v; lost answers: %d", held, s.ledger.doubt)
	s.ledger.check(t, held)

	before = readStore(t, s.p.storeDir())
	s.p.start()
	s.meetStrangers()
	s.p.stop()
	unchanged(t, before, readStore(t, s.p.storeDir()))
	s.p.checkLog()
}

// load is the customers' part, in a warm-up and two halves with a rest after each.
func (s *soak) load() {
	// Bounded memory is filled first, so that it does not count as growth.
	s.strangers(min(*strangerCount/4, 10_000))
	all := make([]*customer, *customers)
	for i := range all {
		all[i] = s.newCustomer(i)
	}
	s.phase(all, *length/4)
	begin := s.p.settled(func(weight) bool { return false }, restTime)
	first := s.phase(all, *length/2)
	middle := s.settlesAt(begin, moreHeap, "half of the load")
	second := s.phase(all, *length/2)
	end := s.settlesAt(begin, moreHeap, "the load")
	s.table(begin, middle, end, first, second)
	if s.setUps.Load() == 0 || s.right.Load() == 0 || s.signOuts.Load() == 0 || s.reloads.Load() < 3 {
		s.t.Error("customers did not get far enough: nothing was tested")
	}
	if cut := s.cut.Load(); cut > s.reloads.Load()*2*maxInFlight {
		s.t.Errorf("%d connections were cut in %d reloads", cut, s.reloads.Load())
	}
}

// phase runs the customers for a while, under reloads, until all are idle. It returns the
// program's peak weight.
func (s *soak) phase(all []*customer, length time.Duration) (peak weight) {
	s.going.Store(true)
	var load, other sync.WaitGroup
	for _, c := range all {
		load.Go(c.run)
	}
	stop := make(chan struct{})
	other.Go(func() { s.reloadOften(stop, max(time.Second, min(3*time.Second, length/4))) })
	end := time.After(length)
	for running := true; running; {
		select {
		case <-end:
			running = false
		case <-time.After(min(5*time.Second, length/3)):
			w := weight{rss: s.p.rssAnon()}
			w.files, w.storeFiles = s.p.openFiles()
			peak.rss, peak.files, peak.storeFiles = max(peak.rss, w.rss), max(peak.files, w.files), max(peak.storeFiles, w.storeFiles)
		}
	}
	s.going.Store(false)
	load.Wait()
	close(stop)
	other.Wait()
	s.transport.CloseIdleConnections()
	return peak
}

func (s *soak) reloadOften(stop chan struct{}, every time.Duration) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(every):
		}
		if err := s.p.reload(); err != nil {
			s.complain("reloading: %v", err)
			return
		}
		s.reloads.Add(1)
	}
}

// Tolerances of what is left over at rest. Goroutines and files of a reload come and
// go; the heap holds what is kept of up to 8,192 visits, of which customers' are larger
// than the strangers' that were there before, and strangers' can be 16 kB each.
const (
	moreGoroutines = 12
	moreFiles      = 6
	moreHeap       = 24 << 10 // KiB
	moreOfVisits   = 64 << 10
)

// reached reports whether another weight is no more than this one, within tolerances;
// of the heap's, the process may keep more of the system's memory.
func (w weight) reached(o weight, heap int) bool {
	return o.goroutines <= w.goroutines+moreGoroutines && o.files <= w.files+moreFiles &&
		o.heap <= w.heap+heap && o.rss <= w.rss+heap+40<<10
}

// settlesAt waits until the program is no heavier than before, and fails the test if it
// stays so.
func (s *soak) settlesAt(before weight, heap int, what string) weight {
	s.t.Helper()
	after := s.p.settled(func(w weight) bool { return before.reached(w, heap) }, settleTime)
	if !before.reached(after, heap) {
		s.t.Errorf("after %s: %v, before it %v\n%s", what, after, before, s.p.stacks())
	}
	return after
}

// parts is in how many parts strangers come, to see what they leave in between.
const parts = 5

// meetStrangers is the strangers' part: their memory is bounded, too.
func (s *soak) meetStrangers() {
	begin := s.p.settled(func(weight) bool { return false }, restTime)
	s.t.Logf("before the strangers: %v", begin)
	start, answers, done := time.Now(), make(map[int]int), 0
	for part := range parts {
		n := *strangerCount*(part+1)/parts - done
		for status, n := range s.strangers(n) {
			answers[status] += n
		}
		done += n
		took := time.Since(start)
		w := s.settlesAt(begin, moreOfVisits, "strangers")
		s.t.Logf("%7d requests of strangers, %4.0f s: %v", done, took.Seconds(), w)
	}
	var list string
	for _, status := range slices.Sorted(maps.Keys(answers)) {
		list += fmt.Sprintf(" %d: %d", status, answers[status])
	}
	s.t.Log("their answers by status:" + list)
}

// unchanged: strangers write nothing. The one record that may differ is what the
// check of the store's health writes, every three seconds at most.
func unchanged(t *testing.T, before, after map[string]record) {
	t.Helper()
	for key, was := range before {
		if is, ok := after[key]; key != "k" && (!ok || is != was) {
			t.Errorf("%q was changed (still there: %v): %+v, was %+v", key, ok, is, was)
		}
	}
	for key := range after {
		if _, ok := before[key]; key != "k" && !ok {
			t.Errorf("%q was written", key)
		}
	}
	t.Logf("store: %d records before the strangers, %d after them", len(before), len(after))
}

func (w weight) String() string {
	return fmt.Sprintf("%4d goroutines, %3d files (store: %d), heap %5.1f MiB, RssAnon %5.1f MiB",
		w.goroutines, w.files, w.storeFiles, float64(w.heap)/1024, float64(w.rss)/1024)
}

func (s *soak) table(begin, middle, end, first, second weight) {
	s.t.Logf("%d customers, %d requests, %d MiB, %d reloads, slowest answer %v", *customers, s.requests.Load(), s.bytes.Load()>>20,
		s.reloads.Load(), time.Duration(s.slowest.Load()).Round(time.Millisecond))
	s.t.Logf("set up %d, right codes %d, backup codes %d, wrong or used codes refused %d (%d used ones), new sets %d, turned off %d, signed out %d",
		s.setUps.Load(), s.right.Load(), s.backups.Load(), s.wrong.Load(), s.replays.Load(), s.regenerated.Load(), s.disabled.Load(), s.signOuts.Load())
	s.t.Logf("event streams %d, WebSockets %d (%d more closed by a reload), connections cut %d, 5xx %d",
		s.streams.Load(), s.sockets.Load(), s.cutSockets.Load(), s.cut.Load(), s.broken.Load())
	s.t.Logf("at rest after the warm-up: %v", begin)
	s.t.Logf("at rest after one half:    %v", middle)
	s.t.Logf("at rest after both:        %v", end)
	s.t.Logf("highest under load: %d files, RssAnon %.1f MiB in the first half, %d and %.1f in the second",
		first.files, float64(first.rss)/1024, second.files, float64(second.rss)/1024)
}
