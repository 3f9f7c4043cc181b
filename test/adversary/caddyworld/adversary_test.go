package caddyworld

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// search looks for one failure, and makes it small.
type search struct {
	*server
	until time.Time
	// found is the failure, in world and steps.
	found                            *violation
	world                            world
	steps                            []Step
	first                            time.Duration
	example                          Case
	worlds, refused, unusable, asked int
	why                              map[string]int
}

// drawn is what rapid draws.
type drawn struct {
	world world
	steps []Step
}

// GoString keeps rapid from printing it.
func (drawn) GoString() string { return "world" }

// property is what rapid checks: one world and its programs.
func (s *search) property(t *rapid.T) {
	if s.found == nil && time.Now().After(s.until) {
		return
	}
	d := rapid.Custom(func(t *rapid.T) drawn {
		w := drawWorld(t)
		return drawn{w, drawPrograms(t, w)}
	}).Draw(t, "world")
	v := s.try(d.world, d.steps)
	if v == nil {
		return
	}
	s.found, s.world, s.steps = v, d.world, d.steps
	switch v.kind { // one line each: rapid takes failures of other lines for other failures
	case "leak":
		t.Fatal(v.kind)
	case "change":
		t.Fatal(v.kind)
	case "fence":
		t.Fatal(v.kind)
	}
	t.Fatal(v.kind)
}

// try plays a world, and returns what must not happen.
func (s *search) try(w world, steps []Step) *violation {
	c := w.render()
	c.Steps = steps
	err := s.play(c)
	s.count(c, err)
	v, _ := errors.AsType[*violation](err)
	return v
}

// smallest is the failure after shrinking.
func (s *search) smallest() Case {
	deadline := time.Now().Add(duration("ADVERSARY_SHRINK", 10*time.Second))
	fails := func(w world, steps []Step) bool {
		if time.Now().After(deadline) {
			return false
		}
		v := s.try(w, steps)
		return v != nil && v.kind == s.found.kind
	}
	w, steps := s.world, s.steps
	if last := lastProgram(steps, s.found.step); fails(w, last) {
		steps = last
	}
	w, steps = shrink(w, steps, fails)
	c := w.render()
	c.Steps = steps
	return c
}

func (s *search) count(c Case, err error) {
	s.worlds++
	s.asked += len(c.Steps)
	switch {
	case errors.Is(err, errRefused):
		s.refused++
	case errors.Is(err, errUnusable):
		s.unusable++
		s.example = c
		if os.Getenv("ADVERSARY_WHY") == "all" {
			fmt.Printf("%v\n%s\n", err, c)
		}
	}
	if err != nil && s.why != nil {
		s.why[fmt.Sprintf("%.200s", err)]++
	}
}

// quiet is a rapid.TB without output. The finding is in the search.
type quiet struct{ failed bool }

func (*quiet) Helper()                 {}
func (*quiet) Name() string            { return "adversary" }
func (*quiet) Logf(string, ...any)     {}
func (*quiet) Log(...any)              {}
func (*quiet) Skipf(string, ...any)    {}
func (*quiet) Skip(...any)             {}
func (*quiet) SkipNow()                {}
func (q *quiet) Errorf(string, ...any) { q.failed = true }
func (q *quiet) Error(...any)          { q.failed = true }
func (q *quiet) Fatalf(string, ...any) { q.failed = true }
func (q *quiet) Fatal(...any)          { q.failed = true }
func (q *quiet) FailNow()              { q.failed = true }
func (q *quiet) Fail()                 { q.failed = true }
func (q *quiet) Failed() bool          { return q.failed }

// duration reads a setting from the environment.
func duration(name string, otherwise time.Duration) time.Duration {
	if d, err := time.ParseDuration(os.Getenv(name)); err == nil {
		return d
	}
	return otherwise
}

func seed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("SEED")
	if text == "" && os.Getenv("ADVERSARY_TIME") == "" && os.Getenv("ADVERSARY_REACH") == "" {
		return 1 // the same on every run, for tests of another property
	}
	if text == "" {
		return uint64(time.Now().UnixNano() % 1e9)
	}
	n, err := strconv.ParseUint(text, 10, 64)
	must(t, err)
	return n
}

func setRapid(t *testing.T, seed uint64) {
	t.Helper()
	for name, value := range map[string]string{
		"rapid.seed": strconv.FormatUint(seed, 10), "rapid.checks": "1000000", "rapid.nofailfile": "true",
		"rapid.shrinktime": "3s",
	} {
		must(t, flag.Set(name, value))
	}
}

// TestAdversary searches for ADVERSARY_TIME, from SEED on.
func TestAdversary(t *testing.T) {
	began := time.Now()
	s := &search{server: startServer(t), until: began.Add(duration("ADVERSARY_TIME", 2*time.Second)), why: map[string]int{}}
	n := seed(t)
	t.Logf("SEED=%d", n)
	setRapid(t, n)
	rapid.Check(&quiet{}, s.property)
	t.Logf("%d worlds, %d requests, %d Caddyfiles refused, %d unusable in %v", s.worlds, s.asked, s.refused, s.unusable, time.Since(began).Round(time.Second))
	if s.found != nil {
		t.Errorf("%v\nSEED=%d finds it again. As a regression:\n%s", s.found, n, s.smallest())
	}
	if os.Getenv("ADVERSARY_WHY") != "" {
		t.Logf("unusable, for instance: %s", s.example)
		for why, n := range s.why {
			t.Logf("%5d %s", n, strings.ReplaceAll(why, "\n", " "))
		}
	}
}

// TestReach searches seed after seed for as long as ADVERSARY_REACH says, and groups the findings
// by the shrunk Caddyfile. Without the variable it is skipped.
func TestReach(t *testing.T) {
	whole := duration("ADVERSARY_REACH", 0)
	if whole == 0 {
		t.Skip("ADVERSARY_REACH is not set")
	}
	server, began, known := startServer(t), time.Now(), map[string]bool{}
	for n := seed(t); time.Since(began) < whole; n += 1000 {
		s := &search{server: server, until: time.Now().Add(whole)}
		setRapid(t, n)
		start := time.Now()
		rapid.Check(&quiet{}, func(t *rapid.T) {
			if s.found == nil {
				s.first = time.Since(start)
			}
			s.property(t)
		})
		if s.found == nil {
			t.Logf("SEED=%d found nothing in %d worlds", n, s.worlds)
			continue
		}
		c := s.smallest()
		kind := s.found.kind + ":" + features(c)
		t.Logf("SEED=%d %v %s", n, s.first.Round(10*time.Millisecond), kind)
		if !known[kind] {
			known[kind] = true
			t.Logf("%v\n%s", s.found, c)
		}
	}
}

// features are the words of the Caddyfile that a failure could be about.
func features(c Case) (found string) {
	words := strings.Fields(c.Caddyfile)
	for _, word := range []string{
		"trust", "deny", "guest", "query", "header", "header_regexp", "expression", "vars", "vars_regexp", "path_regexp", "map", "header_up",
		"request_header", "basic_auth", "forward_auth", "client_auth", "user", "token", "handle_errors", "try_files", "rewrite",
	} {
		if slices.Contains(words, word) {
			found += " " + word
		}
	}
	return found + fmt.Sprintf(" %d", len(c.Sites))
}
