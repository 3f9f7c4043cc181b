package badger

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

var (
	now   = time.Now().UTC().Truncate(time.Microsecond)
	alice = store.UserKey{Realm: "shop", ID: "alice"}
	bob   = store.UserKey{Realm: "shop", ID: "bob"}
)

func sampleUser(key store.UserKey) store.User {
	u := store.User{
		Key: key, Name: "Name of " + key.ID, FirstSeen: now, EnabledAt: now,
		TOTP:   &store.TOTP{ID: "0123456789abcdef", Secret: bytes.Repeat([]byte{7}, 52), Algorithm: "SHA1", Digits: 6, Period: 30, Floor: 58e6, AddedAt: now},
		Backup: &store.BackupSet{Salt: make([]byte, 16), Total: 10, AddedAt: now},
	}
	for i := range 6 {
		u.Backup.Hashes = append(u.Backup.Hashes, bytes.Repeat([]byte{byte(i)}, 32))
	}
	return u
}

func sampleVisit(key store.UserKey, n byte) store.Visit {
	return store.Visit{
		Realm: key.Realm, ID: store.VisitID{n}, User: key.ID, Factor: "totp", At: now, LastSeen: now, Expires: now.Add(time.Hour),
		Address: "192.0.2.7", Agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", Binds: []uint64{1, 2},
	}
}

func fill(t testing.TB, d *DB, keys ...store.UserKey) {
	t.Helper()
	for i, key := range keys {
		err := d.Update(t.Context(), key, func(tx store.Tx) error {
			return errors.Join(tx.PutUser(sampleUser(key)), tx.PutVisit(sampleVisit(key, byte(i+1))), tx.Spend("1", now.Add(time.Hour)))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestDamagedFile flips bits of one record in Badger's table: with Badger's own
// verification the whole block's users would be "not found".
func TestDamagedFile(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir, Options{})
	var keys []store.UserKey
	for i := range 40 {
		keys = append(keys, store.UserKey{Realm: "shop", ID: fmt.Sprintf("user%02d", i)})
	}
	fill(t, d, keys...)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) != 1 {
		t.Fatalf("tables: %v, %v", tables, err)
	}
	content, err := os.ReadFile(tables[0])
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(content, []byte("Name of user20"))
	content[at] ^= 0x20
	if err := os.WriteFile(tables[0], content, 0o600); err != nil {
		t.Fatal(err)
	}
	o, logs := logged()
	d = open(t, dir, o)
	for i, key := range keys {
		_, err := d.User(t.Context(), key)
		if i == 20 != errors.Is(err, store.ErrCorrupt) || i != 20 && err != nil {
			t.Errorf("%s: %v", key.ID, err)
		}
	}
	if err := d.Close(); err != nil { // waits for the verification
		t.Fatal(err)
	}
	if logs.FilterMessageSnippet("damaged on disk").Len() != 1 {
		t.Error("the damage was not logged at the start")
	}
}
