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
	until                            time.Time
	found                            *violation
	smallest                         Case
	first                            time.Duration
	worlds, refused, unusable, steps int
	why                              map[string]int
}

// property is what rapid checks: one world and its programs.
func (s *search) property(t *rapid.T) {
	if s.found == nil && time.Now().After(s.until) {
		return
	}
	c := rapid.Custom(func(t *rapid.T) Case {
		w := drawWorld(t)
		c := w.render()
		c.Steps = drawPrograms(t, w)
		return c
	}).Draw(t, "case")
	err := s.play(c)
	s.count(c, err)
	var v *violation
	if !errors.As(err, &v) {
		return
	}
	s.found, s.smallest = v, c
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

func (s *search) count(c Case, err error) {
	s.worlds++
	s.steps += len(c.Steps)
	switch {
	case errors.Is(err, errRefused):
		s.refused++
	case errors.Is(err, errUnusable):
		s.unusable++
	}
	if err != nil && s.why != nil {
		s.why[fmt.Sprintf("%.200s", err)]++
	}
}

// quiet is a test for rapid that says nothing: what was found is in the search.
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
		"rapid.shrinktime": duration("ADVERSARY_SHRINK", 20*time.Second).String(),
	} {
		must(t, flag.Set(name, value))
	}
}

// TestAdversary searches for ADVERSARY_TIME, from SEED on.
func TestAdversary(t *testing.T) {
	began := time.Now()
	s := &search{server: startServer(t), until: began.Add(duration("ADVERSARY_TIME", 5*time.Second)), why: map[string]int{}}
	n := seed(t)
	t.Logf("SEED=%d", n)
	setRapid(t, n)
	rapid.Check(&quiet{}, s.property)
	t.Logf("%d worlds, %d requests, %d Caddyfiles refused, %d unusable in %v", s.worlds, s.steps, s.refused, s.unusable, time.Since(began).Round(time.Second))
	if s.found != nil {
		t.Errorf("%v\nSEED=%d finds it again. As a regression:\n%s", s.found, n, s.smallest)
	}
	if os.Getenv("ADVERSARY_WHY") != "" {
		for why, n := range s.why {
			t.Logf("%5d %s", n, strings.ReplaceAll(why, "\n", " "))
		}
	}
}

// TestReach searches on and on, from seed to seed, and lists what it found by what is
// left of the Caddyfile. It runs only where ADVERSARY_REACH says for how long.
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
		kind := s.found.kind + ":" + features(s.smallest)
		t.Logf("SEED=%d %v %s", n, s.first.Round(10*time.Millisecond), kind)
		if !known[kind] {
			known[kind] = true
			t.Logf("%v\n%s", s.found, s.smallest)
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
