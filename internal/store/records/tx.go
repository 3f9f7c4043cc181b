package records

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/kv"
)

// tx is one attempt of an Update. It reads what it is about to write, because engines find
// conflicts by what was read.
type tx struct {
	kv.Tx
	db  *DB
	key store.UserKey
	// failure is the first call that failed. It ends the transaction even if the caller
	// overlooks it, so that no half of a change is ever committed.
	failure error
	// indexed are the user's index entries as they are in this transaction, once known is set.
	indexed [][]byte
	known   bool
	// list are the user's clearances as they are in this transaction, once listed is set; it
	// is written at the end, and once.
	list            []clearance
	listed, changed bool
}

// finish writes what was put off and returns the transaction's failure.
func (t *tx) finish() error {
	if t.failure == nil && t.changed {
		t.writeClearances()
	}
	return t.failure
}

// User implements store.Tx.
func (t *tx) User() (store.User, error) {
	u, err := t.db.getUser(t, t.key)
	switch {
	case err == nil:
		t.indexed, t.known = indexEntries(&u), true
	case errors.Is(err, store.ErrNotFound):
		t.indexed, t.known = nil, true
	}
	return u, err
}

// PutUser implements store.Tx. A record that can't be read is not replaced, for
// it may hold a second factor.
func (t *tx) PutUser(u store.User) error {
	if u.Key != t.key {
		return t.fail(fmt.Errorf("writing %s in a change of %s", nameUser(u.Key), nameUser(t.key)))
	}
	if err := t.readIndexed(); err != nil {
		return t.fail(err)
	}
	key := userKey(u.Key)
	t.set(key, userForm.encode(key, &u), time.Time{})
	t.reindex(indexEntries(&u))
	return nil
}

// DeleteUser implements store.Tx. It is the way out for a record that can't be
// read: index entries that it may leave are passed over by listings.
func (t *tx) DeleteUser() error {
	if err := t.readIndexed(); err != nil && !errors.Is(err, store.ErrCorrupt) {
		return t.fail(err)
	}
	t.Delete(userKey(t.key))
	t.reindex(nil)
	return nil
}

// readIndexed makes indexed known.
func (t *tx) readIndexed() error {
	if t.known {
		return nil
	}
	if _, err := t.User(); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nil
}

// reindex replaces the user's index entries where they differ.
func (t *tx) reindex(entries [][]byte) {
	for _, old := range t.indexed {
		if !contains(entries, old) {
			t.Delete(old)
		}
	}
	for _, entry := range entries {
		if !contains(t.indexed, entry) {
			t.set(entry, nil, time.Time{})
		}
	}
	t.indexed, t.known = entries, true
}

func contains(keys [][]byte, key []byte) bool {
	return slices.ContainsFunc(keys, func(k []byte) bool { return bytes.Equal(k, key) })
}

// Spend implements store.Tx.
func (t *tx) Spend(name string, until time.Time) error {
	if t.db.over(until) {
		return t.fail(errors.New("the record of a spent code would end in the past, so the code could be spent again"))
	}
	key := spentKey(t.key, name)
	what := func() string { return "something spent by " + nameUser(t.key) }
	old, err := get(t, key, what, timeForm.decode)
	if err == nil && !t.db.over(old) {
		return store.ErrSpent
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return t.fail(err)
	}
	t.set(key, timeForm.encode(key, &until), until)
	return nil
}

// set writes a record that may be forgotten after its end; zero is never.
func (t *tx) set(key, record []byte, end time.Time) { t.db.set(t, key, record, end) }

// fail remembers the first failure and returns err.
func (t *tx) fail(err error) error {
	if t.failure == nil {
		t.failure = err
	}
	return err
}
