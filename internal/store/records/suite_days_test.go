package records_test

import (
	"maps"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

const today = "2031-04-05"

// count adds n to one number of a day.
func (s *suite) count(realm, date string, c store.Count, n int64) error {
	return s.store.UpdateDay(s.ctx, realm, date, func(old store.Day) (store.Day, error) {
		counts := maps.Clone(old.Counts)
		if counts == nil {
			counts = make(map[store.Count]int64)
		}
		counts[c] += n
		return store.Day{Realm: realm, Date: date, Counts: counts}, nil
	})
}

func (s *suite) days(from string) []store.Day {
	s.Helper()
	days := call(s.store.Days(s.ctx, from)).ok(s)
	return days
}

var dayTests = []test{
	{"days: numbers add up, by realm and date, and stay", func(s *suite) {
		a, b := store.Count{Kind: "sign-in", Name: "field"}, store.Count{Kind: "unknown", Name: "status 500\x00"}
		s.equal(len(s.days("")), 0)
		s.ok(s.count(realm, today, a, 1))
		s.ok(s.count(realm, today, b, 2))
		s.ok(s.count(realm, today, a, 40))
		s.ok(s.count(realm, "2031-04-04", a, 7))
		s.ok(s.count("another", today, a, 1<<40))
		s.reopen()
		want := []store.Day{
			{Realm: "another", Date: today, Counts: map[store.Count]int64{a: 1 << 40}},
			{Realm: realm, Date: "2031-04-04", Counts: map[store.Count]int64{a: 7}},
			{Realm: realm, Date: today, Counts: map[store.Count]int64{a: 41, b: 2}},
		}
		s.equal(s.days(""), want)
		s.equal(s.days(today), []store.Day{want[0], want[2]})
		s.equal(len(s.days("2031-04-06")), 0)
	}},
	{"days: an error of the function changes nothing", func(s *suite) {
		c := store.Count{Kind: "k", Name: "n"}
		s.ok(s.count(realm, today, c, 1))
		s.fails(s.store.UpdateDay(s.ctx, realm, today, func(store.Day) (store.Day, error) { return store.Day{}, errStop }), errStop)
		s.equal(s.days("")[0].Counts, map[store.Count]int64{c: 1})
	}},
	{"days: another realm's, or no date, is refused", func(s *suite) {
		if s.count(realm, "yesterday", store.Count{}, 1) == nil {
			s.Error("no date, and counted")
		}
		err := s.store.UpdateDay(s.ctx, realm, today, func(store.Day) (store.Day, error) { return store.Day{Realm: "another", Date: today}, nil })
		if err == nil || len(s.days("")) != 0 {
			s.Errorf("another realm's day was written: %v", err)
		}
	}},
	{"days: a hundred at once lose nothing", func(s *suite) {
		c := store.Count{Kind: "k", Name: "n"}
		s.each(100, func(int) error { return s.count(realm, today, c, 1) })
		s.equal(s.days("")[0].Counts, map[store.Count]int64{c: 100})
	}},
	{"days: forgotten in time", func(s *suite) {
		s.ok(s.count(realm, today, store.Count{Kind: "k", Name: "n"}, 1))
		end := call(store.Ends(today)).ok(s)
		s.setClock(end.Add(-time.Second))
		s.equal(len(s.days("")), 1)
		s.setClock(end)
		s.equal(len(s.days("")), 0)
		s.ok(s.count(realm, today, store.Count{Kind: "k", Name: "other"}, 5))
	}},
}
