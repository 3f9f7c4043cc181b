package backup_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/secondgate/secondgate/internal/backup"
	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/store"
)

// The golden backup was made in November 2026 by the code before the key-value engine (commit
// 27af603), with
//
//	SECONDGATE_GOLDEN=write go test -run TestGolden_Write ./internal/backup
//
// It must never be made again by newer code, because it represents the backups that operators
// keep.
const goldenDir = "testdata/golden"

// golden is what opens the golden backup. Its keys protect nothing.
type golden struct{ Master, Identity string }

func TestGolden_Write(t *testing.T) {
	if os.Getenv("SECONDGATE_GOLDEN") != "write" {
		t.Skip("the golden backup is there")
	}
	h := newFixture(t, 3)
	end := now.AddDate(100, 0, 0)
	err := h.store.Update(t.Context(), person(0), func(tx store.Tx) error {
		return errors.Join(tx.Spend("for long", end), tx.PutVisit(store.Visit{Realm: realm, ID: store.VisitID{1}, At: now, Expires: end}),
			tx.PutVisit(store.Visit{Realm: realm, ID: store.VisitID{2}, User: person(0).ID, At: now, Expires: end}),
			tx.QueueMail(store.Mail{ID: "m", Realm: realm, User: person(0).ID, To: "a@example.test", Kind: "enrolled", Due: end, Ends: end}),
			tx.Record(store.Event{At: now, Kind: store.EventEnrolled, Realm: realm, User: person(0).ID}))
	})
	if err != nil {
		t.Fatal(err)
	}
	open, err := json.Marshal(golden{h.text, h.key.String()})
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string][]byte{"backup.age": h.backup(), "keys.json": append(open, '\n')} {
		if err := os.WriteFile(filepath.Join(goldenDir, name), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestGolden_Restores: a backup of November 2026 is restored.
func TestGolden_Restores(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(goldenDir, "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	h := &fixture{T: t}
	if h.ring, err = keys.Parse(g.Master); err != nil {
		t.Fatal(err)
	}
	if h.key, err = age.ParseX25519Identity(g.Identity); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(goldenDir, "backup.age"))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "store")
	done, err := h.restore(dir, bytes.NewReader(file), backup.Options{})
	if err != nil || done.Users != 3 || done.Ended < 1 || done.Damaged != 0 || done.Header.Engine != "badger" {
		t.Fatalf("%+v, %v", done, err)
	}
	st := open(t, dir)
	u, err := st.User(t.Context(), person(0))
	if err != nil || u.Name != "Name of "+person(0).ID || u.TOTP == nil || u.TOTP.Floor < now.Unix()/30 {
		t.Fatalf("%+v, %v", u, err)
	}
	if plain, err := h.ring.Open(u.TOTP.Secret, "totp secret", realm, u.Key.ID, "factor"); err != nil || string(plain) != secret {
		t.Errorf("the secret: %q, %v", plain, err)
	}
	if v, err := st.Visit(t.Context(), realm, store.VisitID{1}); err != nil || !v.Revoked() {
		t.Errorf("the dead token: %+v, %v", v, err)
	}
	err = st.Update(t.Context(), person(0), func(tx store.Tx) error { return tx.Spend("for long", now.Add(time.Hour)) })
	if !errors.Is(err, store.ErrSpent) {
		t.Errorf("what was spent: %v", err)
	}
	if n, err := st.CountMails(t.Context()); n != 0 || err != nil {
		t.Errorf("%d mails, %v", n, err)
	}
}
