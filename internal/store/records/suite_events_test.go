package records_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

var eventTests = []test{
	{"events are settled in their order", testSettle},
	{"an aborted change leaves no event", testAbortedEvent},
	{"a settling that fails changes nothing", testFailedSettle},
	{"entries must follow each other", testUnchained},
	{"parallel changes record all their events", testParallelEvents},
	{"entries are listed by user and time", testEntries},
	{"pruning leaves a base", testPrune},
	{"events are bounded", testBoundedEvents},
}

// chain is a settling function as simple as can be.
func chain(last store.Entry, pending [][]byte) (store.Settled, error) {
	var out store.Settled
	for _, raw := range pending {
		event, err := store.UnmarshalEvent(raw)
		if err != nil {
			return out, err
		}
		last = store.Entry{Seq: last.Seq + 1, Prev: last.Hash, Hash: sha256.Sum256(raw), Raw: raw, Event: event}
		out.Entries = append(out.Entries, last)
	}
	return out, nil
}

func (s *suite) settle() int {
	s.Helper()
	n := call(s.store.Settle(s.ctx, 100, chain)).ok(s)
	return n
}

// event is one about a user, n seconds after the start.
func event(key store.UserKey, n int) store.Event {
	return store.Event{At: start.Add(time.Duration(n) * time.Second), Kind: store.EventPassed, Realm: key.Realm, User: key.ID,
		Factor: "totp", Staff: "sinikka", Reason: "called", Address: "192.0.2.7", Agent: "Browser/1", Detail: map[string]string{"n": fmt.Sprint(n)}}
}

// record records events about the users one after another, a second apart.
func (s *suite) record(keys ...store.UserKey) {
	s.Helper()
	for n, key := range keys {
		s.setClock(start.Add(time.Duration(n) * time.Second))
		s.update(key, func(tx store.Tx) error { return tx.Record(event(key, n)) })
	}
}

func (s *suite) entries(q store.EntryQuery) (numbers []uint64) {
	s.Helper()
	for {
		page := call(s.store.Entries(s.ctx, q)).ok(s)
		if len(page.Entries) > q.Limit {
			s.Fatalf("a page of %d, want at most %d", len(page.Entries), q.Limit)
		}
		for _, e := range page.Entries {
			numbers = append(numbers, e.Seq)
		}
		if page.Next == "" {
			return numbers
		}
		q.After = page.Next
	}
}

func testSettle(s *suite) {
	call(s.store.LastEntry(s.ctx)).fails(s, store.ErrNotFound)
	s.equal(s.settle(), 0)
	s.record(alice, bob)
	s.ok(s.store.Record(s.ctx, event(alice, 2), store.Event{At: start, Kind: store.EventBackupMade}))
	s.reopen()
	s.equal(call(s.store.Settle(s.ctx, 1, chain)).ok(s), 1)
	s.equal(s.settle(), 3)
	s.equal(s.settle(), 0)
	page := call(s.store.Entries(s.ctx, store.EntryQuery{Limit: 10})).ok(s)
	s.equal(len(page.Entries), 4)
	s.equal(page.Entries[0].Event, event(alice, 0))
	s.equal(page.Entries[1].Event, event(bob, 1))
	for i, e := range page.Entries[1:] {
		s.equal(e.Prev, page.Entries[i].Hash)
		s.equal(e.Hash, [32]byte(sha256.Sum256(e.Raw)))
	}
	s.equal(call(s.store.LastEntry(s.ctx)).ok(s), page.Entries[3])
}

func testAbortedEvent(s *suite) {
	refused := errors.New("refused")
	err := s.store.Update(s.ctx, alice, func(tx store.Tx) error {
		s.ok(tx.Record(event(alice, 0)))
		return refused
	})
	s.fails(err, refused)
	s.equal(s.settle(), 0)
}

func testFailedSettle(s *suite) {
	s.record(alice)
	refused := errors.New("refused")
	call(s.store.Settle(s.ctx, 10, func(store.Entry, [][]byte) (store.Settled, error) { return store.Settled{}, refused })).fails(s, refused)
	s.equal(s.settle(), 1)
}

func testUnchained(s *suite) {
	s.record(alice)
	for _, e := range []store.Entry{{Seq: 2}, {Seq: 1, Prev: [32]byte{1}}} {
		_, err := s.store.Settle(s.ctx, 10, func(store.Entry, [][]byte) (store.Settled, error) {
			return store.Settled{Entries: []store.Entry{e}}, nil
		})
		if err == nil {
			s.Fatalf("entry %d was appended to an empty chain", e.Seq)
		}
	}
	s.equal(s.settle(), 1)
}

func testParallelEvents(s *suite) {
	const n = 50
	s.each(n, func(i int) error {
		key := store.UserKey{Realm: realm, ID: fmt.Sprint("user-", i%7)}
		return s.store.Update(s.ctx, key, func(tx store.Tx) error { return tx.Record(event(key, i)) })
	})
	s.equal(s.settle(), n)
	s.equal(len(s.entries(store.EntryQuery{Limit: 7})), n)
}

func testEntries(s *suite) {
	other := store.UserKey{Realm: "other", ID: alice.ID}
	longer := store.UserKey{Realm: realm, ID: alice.ID + "\x00"}
	s.record(alice, bob, alice, other, longer, alice)
	s.settle()
	at := func(n int) time.Time { return start.Add(time.Duration(n) * time.Second) }
	for _, tt := range []struct {
		name string
		q    store.EntryQuery
		want []uint64
	}{
		{"all", store.EntryQuery{}, []uint64{1, 2, 3, 4, 5, 6}},
		{"newest first", store.EntryQuery{Newest: true}, []uint64{6, 5, 4, 3, 2, 1}},
		{"a realm", store.EntryQuery{Realm: "other"}, []uint64{4}},
		{"a user", store.EntryQuery{Realm: realm, User: alice.ID}, []uint64{1, 3, 6}},
		{"a user, newest first", store.EntryQuery{Realm: realm, User: alice.ID, Newest: true}, []uint64{6, 3, 1}},
		{"a user in a time", store.EntryQuery{Realm: realm, User: alice.ID, From: at(1), To: at(5)}, []uint64{3}},
		{"a time", store.EntryQuery{From: at(2), To: at(4)}, []uint64{3, 4}},
		{"nobody", store.EntryQuery{Realm: realm, User: "ali"}, nil},
	} {
		for _, limit := range []int{1, 2, 1000} {
			tt.q.Limit = limit
			if got := s.entries(tt.q); fmt.Sprint(got) != fmt.Sprint(tt.want) {
				s.Errorf("%s by %d: %v, want %v", tt.name, limit, got, tt.want)
			}
		}
	}
	for _, q := range []store.EntryQuery{{}, {Limit: 1001}, {Limit: 1, User: alice.ID}, {Limit: 1, After: "x"}, {Limit: 1, After: "0"}} {
		if _, err := s.store.Entries(s.ctx, q); err == nil {
			s.Errorf("%+v is no error", q)
		}
	}
}

func testPrune(s *suite) {
	call(s.store.BaseEntry(s.ctx)).fails(s, store.ErrNotFound)
	s.record(alice, bob, alice, bob)
	s.settle()
	third := call(s.store.Entries(s.ctx, store.EntryQuery{Limit: 3})).ok(s)
	before := start.Add(3 * time.Second)
	for _, want := range []int{2, 1, 0} {
		s.equal(call(s.store.PruneEntries(s.ctx, before, 2)).ok(s), want)
	}
	s.equal(s.entries(store.EntryQuery{Limit: 10}), []uint64{4})
	s.equal(s.entries(store.EntryQuery{Limit: 10, Realm: realm, User: bob.ID}), []uint64{4})
	base := call(s.store.BaseEntry(s.ctx)).ok(s)
	s.equal([]any{base.Seq, base.Hash}, []any{uint64(3), third.Entries[2].Hash})
	call(s.store.PruneEntries(s.ctx, before.Add(time.Hour), 10)).ok(s)
	s.reopen()
	s.record(alice)
	s.settle()
	s.equal(s.entries(store.EntryQuery{Limit: 10}), []uint64{5})
}

func testBoundedEvents(s *suite) {
	e := event(alice, 0)
	e.Agent, e.Detail["n"] = strings.Repeat("ä", 5000), "\r\n"+strings.Repeat("x", 5000)
	s.ok(s.store.Record(s.ctx, e))
	s.settle()
	last := call(s.store.LastEntry(s.ctx)).ok(s)
	if len(last.Raw) > 2048 || strings.ContainsAny(string(last.Raw), "\r\n") {
		s.Errorf("%d bytes: %q", len(last.Raw), last.Raw)
	}
	for _, e := range []store.Event{{}, {Kind: "x"}, {At: start}} {
		if s.store.Record(s.ctx, e) == nil {
			s.Errorf("%+v was recorded", e)
		}
	}
}
