package witness_test

import (
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/store/witness"
)

// start is what a start says of a store for a realm.
func start(known witness.Known, found witness.Found, u witness.Users) error {
	if err := witness.Judge(known, found); err != nil {
		return err
	}
	return witness.JudgeRealm(known, found, u)
}

// TestAttack_OldRestore: a backup was restored elsewhere as a rehearsal, before customers
// enrolled and before the witness was written. It excuses nothing.
func TestAttack_OldRestore(t *testing.T) {
	rehearsal := witness.Found{Store: "aaaa", Place: "/srv/rehearsal", Head: witness.Head{Seq: 12, Hash: "r12"}, Restored: signed.Add(-30 * 24 * time.Hour)}
	if start(witness.Known{shop()}, rehearsal, witness.Users{Realm: "shop", Activated: 1}) == nil {
		t.Error("a store that was restored a month before the witness was written is accepted")
	}
}

// TestAttack_RestoreOfAnotherStore: the backup of another store was restored.
func TestAttack_RestoreOfAnotherStore(t *testing.T) {
	other := witness.Found{Store: "cccc", Head: witness.Head{Seq: 12, Hash: "r12"}, Restored: signed.Add(time.Hour)}
	if start(witness.Known{shop()}, other, witness.Users{Realm: "shop", Activated: 1}) == nil {
		t.Error("the restored backup of another store is accepted")
	}
}

// TestAttack_OtherStoreOfTheRealm: a store answered for the realm before any user enrolled; the
// customers are in another store.
func TestAttack_OtherStoreOfTheRealm(t *testing.T) {
	early := witness.Witness{Store: "dddd", Place: "/srv/two_factor", Signed: signed.Add(-30 * 24 * time.Hour), Activated: map[string]int{"shop": 0}}
	if start(witness.Known{early, shop()}, witness.Found{Store: "dddd"}, witness.Users{Realm: "shop"}) == nil {
		t.Error("a store without users is accepted beside the witness of that with three")
	}
}
