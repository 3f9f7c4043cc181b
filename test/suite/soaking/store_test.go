//go:build crash

package soaking

import (
	"context"
	"crypto/sha256"
	"strings"
	"testing"

	engine "github.com/dgraph-io/badger/v4"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/badger"
)

// record is a digest of a key's value and the time of its write. The time reveals a write of an
// equal value.
type record struct {
	sum     [sha256.Size]byte
	version uint64
	expires uint64
}

// readStore reads all that a store holds which no program has open.
func readStore(t testing.TB, dir string) map[string]record {
	t.Helper()
	db, err := engine.Open(engine.DefaultOptions(dir).WithReadOnly(true).WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	all := make(map[string]record)
	err = db.View(func(txn *engine.Txn) error {
		it := txn.NewIterator(engine.DefaultIteratorOptions)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			item := it.Item()
			value, err := item.ValueCopy(nil)
			if err != nil {
				return err
			}
			all[string(item.Key())] = record{sha256.Sum256(value), item.Version(), item.ExpiresAt()}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// tally is how many records of each kind there are (see the engine's keys.go).
type tally struct {
	users, byName, byID, byTime, lists, live, dead, spent, meta, check, days int
	// events are chained, eventsOfUsers their index; pending ones wait for that.
	events, eventsOfUsers, pending, other int
}

// throttled is the part of a key that marks the lists of throttled users.
const throttled = realm + "\x00\x01t"

func count(t testing.TB, dir string, all map[string]record) (n tally) {
	t.Helper()
	st, err := badger.Open(dir, badger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for key := range all {
		if len(key) > 1 && strings.HasPrefix(key[1:], throttled) && (key[0] == 'n' || key[0] == 'i') {
			continue // a throttled user is listed twice until the wait ends
		}
		switch key[0] {
		case 'u':
			n.users++
		case 'n':
			n.byName++
		case 'i':
			n.byID++
		case 'g', 'h':
			n.byTime++
		case 'e':
			n.events++
		case 'a':
			n.eventsOfUsers++
		case 'p':
			n.pending++
		case 'c':
			n.lists++
		case 'v':
			n.countVisit(t, st, key)
		case 's':
			n.spent++
		case 'm':
			n.meta++
		case 'k':
			n.check++
		case 'd':
			n.days++
		default:
			n.other++
		}
	}
	return n
}

func (n *tally) countVisit(t testing.TB, st store.Store, key string) {
	t.Helper()
	v, err := st.Visit(context.Background(), realm, store.VisitID([]byte(key[len(key)-32:])))
	switch {
	case err != nil: // a record of a clearance that no list names
		n.other++
	case v.Revoked():
		n.dead++
	default:
		n.live++
	}
}
