package lifecycle

import (
	"bytes"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	raw "github.com/dgraph-io/badger/v4"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// damageRecords stops the server, damages the values of all records with a key that begins with
// kind and contains word, and starts the server again. It returns the number of damaged records.
func damageRecords(t *testing.T, h *harness.Harness, kind byte, word string, how func([]byte) []byte) (n int) {
	t.Helper()
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	db, err := raw.Open(raw.DefaultOptions(filepath.Join(h.Dir, "store")).WithLogger(nil).WithSyncWrites(true))
	if err != nil {
		t.Fatal(err)
	}
	changed := map[string][]byte{}
	err = db.View(func(txn *raw.Txn) error {
		it := txn.NewIterator(raw.DefaultIteratorOptions)
		defer it.Close()
		for it.Seek([]byte{kind}); it.ValidForPrefix([]byte{kind}); it.Next() {
			value, err := it.Item().ValueCopy(nil)
			if err != nil {
				return err
			}
			if key := it.Item().KeyCopy(nil); bytes.Contains(key, []byte(word)) || bytes.Contains(value, []byte(word)) {
				changed[string(key)] = how(value)
			}
		}
		return nil
	})
	for key, value := range changed {
		if err == nil {
			err = db.Update(func(txn *raw.Txn) error { return txn.Set([]byte(key), value) })
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	reload(t, h, usual)
	return len(changed)
}

var damages = map[string]func([]byte) []byte{
	"one bit":   func(v []byte) []byte { v[len(v)/2] ^= 1; return v },
	"truncated": func(v []byte) []byte { return v[:len(v)/2] },
}

// TestDamagedRecord: a damaged record of a user never counts as no second factor. The log names
// the user and the remedy. The user gets an error page and no page of the portal. All other users
// are served.
func TestDamagedRecord(t *testing.T) {
	for name, how := range damages {
		t.Run(name, func(t *testing.T) {
			h := harness.StartWhole(t, &harness.Legacy{}, usual)
			alice, bob := h.Browser(), h.Browser()
			alice.SignIn("alice")
			alice.Enrol()
			bob.SignIn("bob")
			device := bob.Enrol()
			if n := damageRecords(t, h, 'u', "alice", how); n != 1 {
				t.Fatalf("%d records of alice", n)
			}
			again := h.Browser()
			for what, p := range map[string]*harness.Page{"a sign-in": again.SignIn("alice"), "the next page": again.Get("/account"), "her settings": alice.Get("/two-factor/"), "a code": again.Pass("123456")} {
				if p.Status != http.StatusServiceUnavailable || strings.Contains(p.Body, harness.SecretOf("alice")) || !strings.Contains(p.Body, "<html") {
					t.Errorf("%s: %d %q %.300s", what, p.Status, p.Location, p.Body)
				}
			}
			if want := `record is corrupt: user \"alice\" in realm \"one\": `; !strings.Contains(h.LogText(), want) || !strings.Contains(h.LogText(), "restore the store from a backup") {
				t.Error("the log does not say whose record it is, or what helps")
			}
			if !passes(t, bob, "bob") {
				t.Error("bob's clearance suffered")
			}
			served(t, h, "bob", device)
		})
	}
}

// served fails the test unless a code clears the user in another browser.
func served(t *testing.T, h *harness.Harness, user string, device *harness.Device) {
	t.Helper()
	b := h.Browser()
	asked(t, b.SignIn(user))
	accepted(t, b.Pass(device.Code(t)))
	if !passes(t, b, user) {
		t.Errorf("%s is not served", user)
	}
}

// TestDamagedClearance: a user with an unreadable clearance, or list of clearances, is not
// cleared, and can be cleared again in another browser. Other users are served.
func TestDamagedClearance(t *testing.T) {
	for _, kind := range []byte{'v', 'c'} {
		for name, how := range damages {
			t.Run(string(kind)+" "+name, func(t *testing.T) {
				h := harness.StartWhole(t, &harness.Legacy{}, usual)
				alice, bob := h.Browser(), h.Browser()
				alice.SignIn("alice")
				device := alice.Enrol()
				bob.SignIn("bob")
				bobs := bob.Enrol()
				if n := damageRecords(t, h, kind, "alice", how); n == 0 {
					t.Fatal("no records of alice")
				}
				if p := alice.Get("/account"); p.Status != http.StatusServiceUnavailable || strings.Contains(p.Body, harness.SecretOf("alice")) {
					t.Errorf("alice: %d %.300s", p.Status, p.Body)
				}
				served(t, h, "alice", device)
				if !strings.Contains(h.LogText(), "record is corrupt") {
					t.Error("not in the log")
				}
				if !passes(t, bob, "bob") {
					t.Error("bob's clearance suffered")
				}
				served(t, h, "bob", bobs)
			})
		}
	}
}
