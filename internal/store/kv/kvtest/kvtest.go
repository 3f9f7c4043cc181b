// Package kvtest is the suite that every engine of package kv passes. It tests what the contract
// promises and nothing that only one engine can do: no transaction waits for another one inside
// its function, except in [RunOptimistic].
package kvtest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/store/kv"
)

// Open opens an engine in one place. Called again after the engine was closed, it opens what is
// there.
type Open func(t *testing.T) kv.Engine

// Run tests an engine; place makes an empty place for one.
func Run(t *testing.T, place func(t *testing.T) Open) { run(t, place, tests) }

// RunOptimistic tests engines that let transactions run at once and repeat the loser.
func RunOptimistic(t *testing.T, place func(t *testing.T) Open) { run(t, place, optimistic) }

func run(t *testing.T, place func(t *testing.T) Open, tests map[string]func(s *suite)) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			open := place(t)
			s := &suite{T: t, Engine: open(t), open: open}
			t.Cleanup(func() { s.Close() })
			test(s)
		})
	}
}

type suite struct {
	*testing.T
	kv.Engine
	open Open
}

func (s *suite) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *suite) fails(err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Fatalf("error is %v, want %v", err, want)
	}
}

func (s *suite) reopen() {
	s.Helper()
	s.ok(s.Close())
	s.Engine = s.open(s.T)
}

// set writes "key=value" pairs in one transaction.
func (s *suite) set(pairs ...string) error {
	return s.Update(s.Context(), "", func(tx kv.Tx) error {
		for _, p := range pairs {
			key, value, _ := strings.Cut(p, "=")
			tx.Set(kv.Record{Key: []byte(key), Value: []byte(value)})
		}
		return nil
	})
}

// write runs fn in a transaction that succeeds.
func (s *suite) write(subject string, fn func(tx kv.Tx)) {
	s.Helper()
	s.ok(s.Update(s.Context(), subject, func(tx kv.Tx) error { fn(tx); return nil }))
}

// look runs fn in a view.
func (s *suite) look(fn func(r kv.Reader)) {
	s.Helper()
	s.ok(s.View(s.Context(), func(r kv.Reader) error { fn(r); return nil }))
}

// get reads a value as text, "-" if there is none.
func (s *suite) get(key string) (text string) {
	s.Helper()
	s.look(func(r kv.Reader) { text = s.read(r, key) })
	return text
}

func (s *suite) read(r kv.Reader, key string) string {
	s.Helper()
	value, err := r.Get([]byte(key))
	if errors.Is(err, kv.ErrNotFound) {
		return "-"
	}
	s.ok(err)
	return string(value)
}

func (s *suite) want(got, want string) {
	s.Helper()
	if got != want {
		s.Fatalf("got %q, want %q", got, want)
	}
}

// list joins what a scan finds.
func (s *suite) list(found iter.Seq2[kv.Record, error]) string {
	s.Helper()
	var all []string
	for r, err := range found {
		s.ok(err)
		all = append(all, fmt.Sprintf("%s=%s", r.Key, r.Value))
	}
	return strings.Join(all, " ")
}

func (s *suite) scan(over kv.Range) (all string) {
	s.Helper()
	s.look(func(r kv.Reader) { all = s.list(r.Scan(over)) })
	return all
}

// each runs fn n times at once and returns how often it returned nil.
func (s *suite) each(n int, fn func(i int) error, allowed error) (won int) {
	s.Helper()
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = fn(i) })
	}
	wg.Wait()
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, allowed) {
			s.Fatal(err)
		}
	}
	return won
}

var errStop = errors.New("stop here")

var tests = map[string]func(s *suite){
	"records are kept, replaced and removed": func(s *suite) {
		s.want(s.get("a"), "-")
		s.ok(s.set("a=1", "b=", "a\x00\xff=\x00\xff", "c=3"))
		s.reopen()
		s.want(s.get("a")+s.get("b")+s.get("a\x00\xff"), "1\x00\xff")
		s.ok(s.set("a=2"))
		s.write("", func(tx kv.Tx) {
			tx.Delete([]byte("c"))
			tx.Delete([]byte("never there"))
		})
		s.reopen()
		s.want(s.get("a")+s.get("c"), "2-")
	},
	"values are the caller's": func(s *suite) {
		s.ok(s.set("a=1"))
		s.ok(s.View(s.Context(), func(r kv.Reader) error {
			value, err := r.Get([]byte("a"))
			value[0] = 'x'
			s.want(s.read(r, "a"), "1")
			return err
		}))
		s.want(s.get("a"), "1")
	},
	"a transaction reads what it wrote, others do not": func(s *suite) {
		s.ok(s.set("a=1", "b=1"))
		s.write("x", func(tx kv.Tx) {
			tx.Set(kv.Record{Key: []byte("a"), Value: []byte("2")})
			tx.Delete([]byte("b"))
			s.want(s.read(tx, "a")+s.read(tx, "b"), "2-")
			s.want(s.get("a")+s.get("b"), "11")
		})
		s.want(s.get("a")+s.get("b"), "2-")
	},
	"an error aborts and is returned as it is": func(s *suite) {
		err := s.Update(s.Context(), "x", func(tx kv.Tx) error {
			tx.Set(kv.Record{Key: []byte("a")})
			return errStop
		})
		if err != errStop {
			s.Fatalf("error is %v", err)
		}
		s.want(s.get("a"), "-")
		if err := s.View(s.Context(), func(kv.Reader) error { return errStop }); err != errStop {
			s.Fatalf("error is %v", err)
		}
	},
	"a panic writes nothing and holds no lock": func(s *suite) {
		func() {
			defer func() { _ = recover() }()
			_ = s.Update(s.Context(), "x", func(tx kv.Tx) error {
				tx.Set(kv.Record{Key: []byte("a")})
				panic("oops")
			})
			s.Fatal("the panic was swallowed")
		}()
		s.want(s.get("a"), "-")
		s.write("x", func(kv.Tx) {})
	},
	"scans: bounds and directions": func(s *suite) {
		s.ok(s.set("a=1", "b=2", "b\x00=3", "b\xff\xff=4", "c=5"))
		for _, tt := range []struct {
			over kv.Range
			want string
		}{
			{kv.Range{}, "a=1 b=2 b\x00=3 b\xff\xff=4 c=5"},
			{kv.Range{Reverse: true}, "c=5 b\xff\xff=4 b\x00=3 b=2 a=1"},
			{kv.Prefix([]byte("b")), "b=2 b\x00=3 b\xff\xff=4"},
			{kv.Range{From: []byte("b"), To: []byte("c"), Reverse: true}, "b\xff\xff=4 b\x00=3 b=2"},
			{kv.Range{From: []byte("b\x00"), To: []byte("b\xff\xff")}, "b\x00=3"},
			{kv.Range{From: []byte("b\x00"), To: []byte("b\xff\xff"), Reverse: true}, "b\x00=3"},
			{kv.Range{From: []byte("bb")}, "b\xff\xff=4 c=5"},
			{kv.Range{To: []byte("b\x00"), Reverse: true, Size: 1}, "b=2 a=1"},
			{kv.Range{From: []byte("b"), KeysOnly: true, Size: 5000}, "b= b\x00= b\xff\xff= c="},
			{kv.Range{From: []byte("d")}, ""},
			{kv.Range{From: []byte("c"), To: []byte("b")}, ""},
		} {
			s.want(s.scan(tt.over), tt.want)
		}
	},
	"scans: a prefix without an end": func(s *suite) {
		s.ok(s.set("\xfe=1", "\xff=2", "\xff\xff\xff=3"))
		s.want(s.scan(kv.Prefix([]byte("\xff"))), "\xff=2 \xff\xff\xff=3")
		s.want(s.scan(kv.Prefix([]byte("\xff\xff"))), "\xff\xff\xff=3")
	},
	"scans: as a sorted list says": manyScans,
	"scans: several at once, and broken off": func(s *suite) {
		s.ok(s.set("a=1", "b=2", "c=3"))
		s.look(func(r kv.Reader) {
			up, stop := iter.Pull2(r.Scan(kv.Range{}))
			defer stop()
			down, stop := iter.Pull2(r.Scan(kv.Range{Reverse: true}))
			defer stop()
			for _, want := range []string{"a=1 c=3", "b=2 b=2"} {
				one, err, _ := up()
				s.ok(err)
				other, err, _ := down()
				s.ok(err)
				s.want(fmt.Sprintf("%s=%s %s=%s", one.Key, one.Value, other.Key, other.Value), want)
			}
		})
		s.want(s.get("a"), "1")
	},
	"scans: in a transaction, of what was committed": func(s *suite) {
		s.ok(s.set("a=1"))
		s.write("", func(tx kv.Tx) {
			tx.Set(kv.Record{Key: []byte("b")})
			tx.Delete([]byte("a"))
			s.want(s.list(tx.Scan(kv.Range{})), "a=1")
		})
		s.want(s.scan(kv.Range{}), "b=")
	},
	"scans: end with the context": func(s *suite) {
		s.ok(s.Load(s.Context(), func(put func(kv.Record) error) (err error) {
			for i := range 500 {
				err = errors.Join(err, put(kv.Record{Key: fmt.Appendf(nil, "%03d", i)}))
			}
			return err
		}))
		ctx, cancel := context.WithCancel(s.Context())
		s.fails(s.View(ctx, func(r kv.Reader) error {
			for _, err := range r.Scan(kv.Range{}) {
				if cancel(); err != nil {
					return err
				}
			}
			return nil
		}), context.Canceled)
	},
	"a view is one moment": func(s *suite) {
		s.ok(s.set("a=1", "b=1"))
		s.look(func(r kv.Reader) {
			s.ok(s.set("a=2", "c=2"))
			s.want(s.read(r, "a")+s.read(r, "c"), "1-")
			s.want(s.list(r.Scan(kv.Range{})), "a=1 b=1")
		})
		s.want(s.scan(kv.Range{}), "a=2 b=1 c=2")
	},
	"changes at once: a counter, with and without a subject": func(s *suite) {
		for _, subject := range []string{"", "counter"} {
			var runs atomic.Int64
			won := s.each(40, func(int) error {
				return s.Update(s.Context(), subject, func(tx kv.Tx) error {
					runs.Add(1)
					n, err := tx.Get([]byte("count" + subject))
					if err != nil && !errors.Is(err, kv.ErrNotFound) {
						return err
					}
					tx.Set(kv.Record{Key: []byte("count" + subject), Value: append(n, 'x')})
					return nil
				})
			}, kv.ErrConflict)
			if n := len(s.get("count" + subject)); n != won {
				s.Fatalf("%d changes, and %d were reported", n, won)
			}
			if subject != "" && (won != 40 || runs.Load() != 40) {
				s.Fatalf("with one subject, 40 changes ran %d times and %d were done", runs.Load(), won)
			}
		}
	},
	"changes at once: one makes a record, in spite of different subjects": func(s *suite) {
		taken := errors.New("taken")
		won := s.each(20, func(i int) error {
			return s.Update(s.Context(), fmt.Sprint("subject ", i), func(tx kv.Tx) error {
				if _, err := tx.Get([]byte("one")); !errors.Is(err, kv.ErrNotFound) {
					return errors.Join(err, taken)
				}
				tx.Set(kv.Record{Key: []byte("one"), Value: fmt.Append(nil, i)})
				return nil
			})
		}, taken)
		if won != 1 {
			s.Fatalf("%d made it", won)
		}
	},
	"changes at once: what was read still holds at the commit": func(s *suite) {
		s.ok(s.set("a=on", "b=on"))
		taken := errors.New("the other one is off")
		s.each(20, func(i int) error {
			mine, other := []byte("a"), []byte("b")
			if i%2 == 0 {
				mine, other = other, mine
			}
			return s.Update(s.Context(), "", func(tx kv.Tx) error {
				if s.read(tx, string(other)) != "on" {
					return taken
				}
				s.read(tx, string(mine))
				tx.Set(kv.Record{Key: mine, Value: []byte("off")})
				return nil
			})
		}, taken)
		if s.get("a")+s.get("b") == "offoff" {
			s.Fatal("both are off")
		}
	},
	"a function that asks for another run gets some": func(s *suite) {
		runs := 0
		s.ok(s.Update(s.Context(), "x", func(tx kv.Tx) error {
			if runs++; runs < 3 {
				tx.Set(kv.Record{Key: []byte("a")})
				return fmt.Errorf("again: %w", kv.ErrConflict)
			}
			return nil
		}))
		s.want(s.get("a"), "-")
		s.fails(s.Update(s.Context(), "x", func(kv.Tx) error { return kv.ErrConflict }), kv.ErrConflict)
	},
	"what is too large is refused, with all of its transaction": func(s *suite) {
		large := make([]byte, kv.MaxValue)
		s.write("", func(tx kv.Tx) {
			tx.Set(kv.Record{Key: large[:kv.MaxKey], Value: large[:kv.MaxValue/2]})
		})
		if n := len(s.get(string(large[:kv.MaxKey]))); n != kv.MaxValue/2 {
			s.Fatalf("%d bytes came back", n)
		}
		for _, r := range []kv.Record{{Key: make([]byte, kv.MaxKey+1)}, {Key: []byte("b"), Value: append(large, 0)}, {}} {
			err := s.Update(s.Context(), "", func(tx kv.Tx) error {
				tx.Set(kv.Record{Key: []byte("a")})
				tx.Set(r)
				tx.Set(kv.Record{Key: []byte("c")})
				return nil
			})
			if s.fails(err, kv.ErrTooLarge); len(err.Error()) > 200 {
				s.Fatalf("error is %.300v", err)
			}
		}
		s.want(s.get("a")+s.get("c"), "--")
		s.write("", func(tx kv.Tx) {
			for i := range 2000 {
				tx.Set(kv.Record{Key: fmt.Appendf(nil, "many %d", i)})
			}
		})
	},
	"the end of a record is kept": func(s *suite) {
		end := time.Now().Add(time.Hour)
		s.write("", func(tx kv.Tx) {
			tx.Set(kv.Record{Key: []byte("a"), Value: []byte("1"), Expires: end})
			tx.Set(kv.Record{Key: []byte("b")})
		})
		s.reopen()
		s.look(func(r kv.Reader) {
			for found, err := range r.Scan(kv.Range{}) {
				s.ok(err)
				if string(found.Key) == "a" != (found.Expires.Unix() == end.Unix()) || string(found.Key) == "b" != found.Expires.IsZero() {
					s.Errorf("%q ends at %v", found.Key, found.Expires)
				}
			}
		})
		s.want(s.get("a"), "1")
	},
	"a load is there, also later": func(s *suite) {
		s.ok(s.Load(s.Context(), func(put func(kv.Record) error) error {
			for i := range 3000 {
				if err := put(kv.Record{Key: fmt.Appendf(nil, "%04d", i), Value: []byte("v")}); err != nil {
					return err
				}
			}
			return nil
		}))
		s.want(s.get("2999"), "v")
		s.fails(s.Load(s.Context(), func(func(kv.Record) error) error { return errStop }), errStop)
		s.reopen()
		s.want(s.scan(kv.Range{From: []byte("2998")}), "2998=v 2999=v")
	},
	"changes: what was committed, in a feed": func(s *suite) {
		s.ok(s.set("before=1"))
		none, at, err := s.Changes(s.Context(), 0)
		s.ok(err)
		if len(none) != 0 || at == 0 {
			s.Fatalf("%d changes to begin with, at %d", len(none), at)
		}
		s.ok(s.set("a=1", "b=1"))
		_ = s.Update(s.Context(), "", func(tx kv.Tx) error { tx.Set(kv.Record{Key: []byte("aborted")}); return errStop })
		s.write("", func(tx kv.Tx) { tx.Delete([]byte("a")) })
		for _, want := range []string{"a,b a", ""} {
			var got []string
			for until := time.Now().Add(5 * time.Second); len(got) < len(strings.Fields(want)) && time.Now().Before(until); {
				changes, next, err := s.Changes(s.Context(), at)
				s.ok(err)
				for _, c := range changes {
					slices.SortFunc(c.Keys, slices.Compare)
					var keys []string
					for _, k := range c.Keys {
						keys = append(keys, string(k))
					}
					got = append(got, strings.Join(keys, ","))
				}
				at = next
			}
			s.want(strings.Join(got, " "), want)
		}
		for _, bad := range []uint64{1, at + 1000} {
			_, _, err = s.Changes(s.Context(), bad)
			s.fails(err, kv.ErrGap)
		}
	},
	"nothing is begun or written when the context has ended": func(s *suite) {
		ended, cancel := context.WithCancel(s.Context())
		s.fails(s.Update(ended, "", func(tx kv.Tx) error { tx.Set(kv.Record{Key: []byte("a")}); cancel(); return nil }), context.Canceled)
		s.want(s.get("a"), "-")
		for _, err := range s.everything(ended) {
			s.fails(err, context.Canceled)
		}
	},
	"a wait for the subject ends with the context": func(s *suite) {
		ctx, cancel := context.WithCancel(s.Context())
		inside, done := make(chan struct{}), make(chan error)
		go func() {
			done <- s.Update(s.Context(), "x", func(kv.Tx) error {
				close(inside)
				<-ctx.Done()
				return nil
			})
		}()
		<-inside
		time.AfterFunc(10*time.Millisecond, cancel)
		s.fails(s.Update(ctx, "x", func(kv.Tx) error { return errors.New("ran out of turn") }), context.Canceled)
		s.ok(<-done)
		s.write("x", func(kv.Tx) {}) // the turn was passed on
	},
	"closed: everything says so": func(s *suite) {
		s.ok(s.Close())
		for _, err := range s.everything(s.Context()) {
			s.fails(err, kv.ErrClosed)
		}
		s.ok(s.Close())
	},
	"closing waits for what runs": func(s *suite) {
		closed := make(chan error, 1)
		s.write("", func(tx kv.Tx) {
			go func() { closed <- s.Close() }()
			for s.View(s.Context(), func(kv.Reader) error { return nil }) == nil { // until Close has begun
				time.Sleep(time.Millisecond)
			}
			tx.Set(kv.Record{Key: []byte("a"), Value: []byte("1")})
		})
		s.ok(<-closed)
		s.Engine = s.open(s.T)
		s.want(s.get("a"), "1")
	},
	"no damage": func(s *suite) { s.ok(s.Damage()) },
}

// everything calls every method that can fail.
func (s *suite) everything(ctx context.Context) []error {
	ran := errors.New("ran")
	_, _, changes := s.Changes(ctx, 0)
	return []error{changes,
		s.View(ctx, func(kv.Reader) error { return ran }),
		s.Update(ctx, "x", func(kv.Tx) error { return ran }),
		s.Load(ctx, func(func(kv.Record) error) error { return ran }),
	}
}

// manyScans compares scans over random keys with a sorted list.
func manyScans(s *suite) {
	random := rand.New(rand.NewPCG(1, 2))
	key := func() string {
		b := make([]byte, 1+random.IntN(4))
		for i := range b {
			b[i] = []byte{0, 1, 'a', 0xfe, 0xff}[random.IntN(5)]
		}
		return string(b)
	}
	var keys []string
	for range 300 {
		keys = append(keys, key())
	}
	s.ok(s.set(keys...))
	slices.Sort(keys)
	keys = slices.Compact(keys)
	for range 200 {
		over := kv.Range{From: []byte(key()), To: []byte(key()), Reverse: random.IntN(2) == 0, KeysOnly: random.IntN(2) == 0, Size: random.IntN(9)}
		var want []string
		for _, k := range keys {
			if k >= string(over.From) && k < string(over.To) {
				want = append(want, k+"=")
			}
		}
		if over.Reverse {
			slices.Reverse(want)
		}
		s.want(s.scan(over), strings.Join(want, " "))
	}
}

// meanwhile commits another transaction inside of one that has read key.
func (s *suite) meanwhile(key string, change func(tx kv.Tx)) (runs int) {
	s.Helper()
	s.write("", func(tx kv.Tx) {
		if runs++; runs == 1 {
			s.read(tx, key)
			s.ok(s.Update(s.Context(), "", func(other kv.Tx) error { change(other); return nil }))
		}
		tx.Set(kv.Record{Key: []byte("written")})
	})
	return runs
}

var optimistic = map[string]func(s *suite){
	"what was read and changed meanwhile is a conflict": func(s *suite) {
		s.ok(s.set("a=1", "b=1", "c=1"))
		for key, change := range map[string]func(tx kv.Tx){
			"a":     func(tx kv.Tx) { tx.Set(kv.Record{Key: []byte("a"), Value: []byte("2")}) },
			"b":     func(tx kv.Tx) { tx.Delete([]byte("b")) },
			"fresh": func(tx kv.Tx) { tx.Set(kv.Record{Key: []byte("fresh")}) },
		} {
			if runs := s.meanwhile(key, change); runs != 2 {
				s.Errorf("%q was read and changed: %d runs", key, runs)
			}
		}
		if runs := s.meanwhile("c", func(tx kv.Tx) { tx.Set(kv.Record{Key: []byte("d")}) }); runs != 1 {
			s.Errorf("another record was changed: %d runs", runs)
		}
	},
	"scans and blind writes are no conflicts": func(s *suite) {
		s.ok(s.set("a=1"))
		runs := 0
		s.write("", func(tx kv.Tx) {
			if runs++; runs == 1 {
				s.want(s.list(tx.Scan(kv.Range{})), "a=1")
				s.ok(s.set("a=2"))
			}
			tx.Set(kv.Record{Key: []byte("a"), Value: []byte("3")})
		})
		s.want(s.get("a"), "3")
		if runs != 1 {
			s.Errorf("%d runs", runs)
		}
	},
	"one that always loses ends, and writes nothing": func(s *suite) {
		for _, cancelled := range []bool{false, true} {
			ctx, cancel := context.WithCancel(s.Context())
			runs := 0
			err := s.Update(ctx, "", func(tx kv.Tx) error {
				s.read(tx, "a")
				if runs++; runs == 3 && cancelled {
					cancel()
				}
				s.ok(s.set(fmt.Sprint("a=", runs)))
				tx.Set(kv.Record{Key: []byte("lost")})
				return nil
			})
			want := map[bool]error{false: kv.ErrConflict, true: context.Canceled}[cancelled]
			if cancel(); !errors.Is(err, want) || runs < 3 || cancelled && runs > 4 {
				s.Errorf("after %d runs: %v", runs, err)
			}
			s.want(s.get("lost"), "-")
		}
	},
}
