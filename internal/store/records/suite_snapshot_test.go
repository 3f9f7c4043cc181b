package records_test

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

var snapshotTests = []test{
	{"EveryoneOfAllRealms", testEveryone},
	{"SnapshotIsOneMoment", testSnapshot},
	{"SnapshotEndsWithItsFunction", testSnapshotFails},
}

// testEveryone: all users of all realms, each once, however large the pages are.
func testEveryone(s *suite) {
	var want []store.UserKey
	for i := range 5 {
		for _, realm := range []string{"a", "b\x00", "shop"} {
			key := store.UserKey{Realm: realm, ID: fmt.Sprint("user", i)}
			want = append(want, key)
			s.ok(s.store.Update(s.ctx, key, func(tx store.Tx) error { return tx.PutUser(store.User{Key: key, Name: "N"}) }))
		}
	}
	compare := func(a, b store.UserKey) int {
		return slices.Compare([]string{a.Realm, a.ID}, []string{b.Realm, b.ID})
	}
	slices.SortFunc(want, compare)
	for _, limit := range []int{1, 4, 15, 1000} {
		var got []store.UserKey
		for after, pages := "", 0; ; pages++ {
			page := call(s.store.Everyone(s.ctx, after, limit)).ok(s)
			for _, u := range page.Users {
				got = append(got, u.Key)
			}
			if after = page.Next; after == "" || pages > 20 {
				break
			}
		}
		slices.SortFunc(got, compare)
		if !slices.Equal(got, want) {
			s.Errorf("in pages of %d: %v, want %v", limit, got, want)
		}
	}
	for _, limit := range []int{0, -1, 1001} {
		if _, err := s.store.Everyone(s.ctx, "", limit); err == nil {
			s.Errorf("a page of %d is no error", limit)
		}
	}
	if _, err := s.store.Everyone(s.ctx, "!", 1); err == nil {
		s.Error("a cursor of nobody's is no error")
	}
}

// testSnapshot: what is written while a snapshot is read is not in it.
func testSnapshot(s *suite) {
	put := func(id string) {
		key := store.UserKey{Realm: realm, ID: id}
		s.ok(s.store.Update(s.ctx, key, func(tx store.Tx) error {
			return errors.Join(tx.PutUser(store.User{Key: key}), tx.Spend("code", start.Add(time.Hour)))
		}))
	}
	set := func(text string) {
		s.ok(s.store.UpdateMeta(s.ctx, "word", func([]byte) ([]byte, error) { return []byte(text), nil }))
	}
	put("alice")
	set("before")
	s.ok(s.store.Snapshot(s.ctx, func(snap store.Snapshot) error {
		put("bob")
		set("after")
		want := call(snap.Records()).ok(s)
		got, ending := 0, 0
		s.ok(snap.Each(func(r store.Raw) error {
			if got++; !r.Expires.IsZero() {
				ending++
			}
			if got == 1 {
				put("carol")
			}
			if len(r.Key) == 0 {
				s.Error("a record without a key")
			}
			return nil
		}))
		if got != want || ending != 1 {
			s.Errorf("%d records, %d of them ending; counted %d, and one ends", got, ending, want)
		}
		if word, err := snap.Meta("word"); string(word) != "before" || err != nil {
			s.Errorf("the snapshot's record is %q, %v", word, err)
		}
		if _, err := snap.Meta("none"); !errors.Is(err, store.ErrNotFound) {
			s.Errorf("a record that is not there: %v", err)
		}
		return nil
	}))
}

// testSnapshotFails: an error of the function is returned as it is.
func testSnapshotFails(s *suite) {
	s.ok(s.store.Update(s.ctx, alice, func(tx store.Tx) error { return tx.PutUser(store.User{Key: alice}) }))
	mine := errors.New("mine")
	err := s.store.Snapshot(s.ctx, func(snap store.Snapshot) error {
		return snap.Each(func(store.Raw) error { return mine })
	})
	if !errors.Is(err, mine) {
		s.Errorf("error is %v", err)
	}
	s.ok(s.store.Close())
	if err := s.store.Snapshot(s.ctx, func(store.Snapshot) error { return nil }); !errors.Is(err, store.ErrClosed) {
		s.Errorf("of a closed store: %v", err)
	}
}
