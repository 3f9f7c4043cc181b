package adversary

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The environment:
//
//	ADVERSARY_TIME     how long to search, from a seed of its own; default 1s, from seed 1
//	SEED               search this seed only, as a failed run printed it
//	ADVERSARY_ONLY     the parts of the world that vary, see only
//	ADVERSARY_WORLD    fields of the world that are fixed, as "Pin=Referer,Follow=true"
//	ADVERSARY_RULES    report only findings of rules that contain one of these words
//	ADVERSARY_LIMITS   draw worlds of known limits, too
//	ADVERSARY_WORKERS  how many searches run side by side; default 2
//	ADVERSARY_REACH    how long TestReach searches; without it it is skipped
const (
	defaultTime    = time.Second
	defaultWorkers = 2
	// batch is the number of cases of one seed.
	batch = 500
)

func TestAdversary(t *testing.T) {
	if flag.Lookup("rapid.nofailfile").Value.String() == "false" {
		flag.Set("rapid.nofailfile", "true")
	}
	flag.Set("rapid.checks", strconv.Itoa(batch))
	flag.Set("rapid.shrinktime", "5s")
	first, fixed := firstSeed(t)
	s := &search{began: time.Now(), until: time.Now().Add(setting("ADVERSARY_TIME", defaultTime, time.ParseDuration)), fixed: fixed}
	s.next.Store(first)
	workers := setting("ADVERSARY_WORKERS", defaultWorkers, strconv.Atoi)
	if fixed {
		workers = 1
	}
	t.Run("worker", func(t *testing.T) {
		for i := range workers {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				s.work(t)
			})
		}
	})
	t.Logf("%d programs from seed %d in %s", s.ran.Load(), first, time.Since(s.began).Round(time.Millisecond))
}

func firstSeed(t *testing.T) (seed uint64, fixed bool) {
	text := os.Getenv("SEED")
	if text == "" && os.Getenv("ADVERSARY_TIME") == "" {
		return 1, false // the same on every run, for tests of another property
	}
	if text == "" {
		return uint64(time.Now().UnixNano())%1_000_000*1000 + 1, false
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("SEED: %v", err)
	}
	return seed, true
}

func setting[T any](name string, otherwise T, parse func(string) (T, error)) T {
	v, err := parse(os.Getenv(name))
	if err != nil {
		return otherwise
	}
	return v
}

// search is shared by the workers.
type search struct {
	began, until time.Time
	fixed        bool
	next         atomic.Uint64
	ran          atomic.Int64
	// flags guards rapid's flags, which are the process's.
	flags sync.Mutex
	found atomic.Bool
}

// work searches until the time is over or one worker has found a failure.
func (s *search) work(t *testing.T) {
	k, err := newKit()
	if err != nil {
		t.Fatal(err)
	}
	for !s.over() {
		s.batch(t, k, s.next.Add(1)-1)
		if s.fixed {
			return
		}
	}
}

func (s *search) over() bool { return s.found.Load() || time.Now().After(s.until) }

// batch runs the cases of one seed. rapid reads its flags before the first case.
func (s *search) batch(t *testing.T, k *kit, seed uint64) {
	s.flags.Lock()
	unlock := sync.OnceFunc(s.flags.Unlock)
	defer unlock()
	flag.Set("rapid.seed", strconv.FormatUint(seed, 10))
	mine := false // this worker has found something and shrinks it
	var last Case // the smallest so far
	defer func() {
		if mine {
			s.explain(t, k, last)
		}
	}()
	rapid.Check(t, func(rt *rapid.T) {
		unlock()
		if !mine && s.over() && !s.fixed {
			return
		}
		c := cases.Draw(rt, "case")
		s.ran.Add(1)
		found, log := s.play(t, k, c, mine)
		if found == nil {
			return
		}
		if !mine {
			fmt.Printf("SEED=%d found after %s and %d programs: %s: %s\n", seed, time.Since(s.began).Round(time.Millisecond), s.ran.Load(), found.Rule, found.Detail)
		}
		mine, last = true, c
		s.found.Store(true)
		rt.Logf("%s\n%s", found.Detail, strings.Join(log, "\n"))
		rt.Fatalf("%s; SEED=%d", found.Rule, seed)
	})
}

// explain shrinks a finding further, and prints it as a regression.
func (s *search) explain(t *testing.T, k *kit, c Case) {
	found, log := s.play(t, k, c, true)
	if found == nil {
		t.Logf("not found again: two goroutines raced\n%#v", c)
		return
	}
	rule := found.Rule
	c = shrink(c, func(c Case) bool {
		f, l := s.play(t, k, c, false)
		if f == nil || f.Rule != rule {
			return false
		}
		found, log = f, l
		return true
	})
	t.Logf("%s: %s\n%#v\n%s", found.Rule, found.Detail, c, strings.Join(log, "\n"))
}

// play runs a case. While a finding is shrunk it runs the case several times, because two
// goroutines that are ready at the same virtual time run in random order.
func (s *search) play(t *testing.T, k *kit, c Case, again bool) (*Finding, []string) {
	for range map[bool]int{false: 1, true: 6}[again] {
		if found, log := k.play(t, c.World, c.Program); found != nil && wanted(found.Rule) {
			return found, log
		}
	}
	return nil, nil
}

// wanted reports whether findings of a rule are reported.
func wanted(rule string) bool {
	words := strings.FieldsFunc(os.Getenv("ADVERSARY_RULES"), func(c rune) bool { return c == ',' })
	return len(words) == 0 || slices.ContainsFunc(words, func(w string) bool { return strings.Contains(rule, w) })
}

func report(t testing.TB, found *Finding, log []string) {
	t.Helper()
	t.Errorf("%s: %s\n%s", found.Rule, found.Detail, strings.Join(log, "\n"))
}

// TestHonest shows that the owner can use the portal where there is no attacker.
func TestHonest(t *testing.T) {
	k, err := newKit()
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []World{{}, {Base: "/app"}, {Locks: true}, {Rotation: "renew", Rotates: true}, {WatchUnsafe: true, FormToken: true}, {Guest: true}} {
		if found, log := k.play(t, w, nil); found != nil {
			report(t, found, log)
		}
	}
}
