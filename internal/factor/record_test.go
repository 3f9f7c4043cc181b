package factor

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/badger"
)

// ASVS 6.5.2, 11.3: no secret, code or backup code is in the record, or anywhere in
// the store's files, in the clear.
func TestASVS_6_5_2_NothingInTheClear(t *testing.T) {
	dir := t.TempDir()
	l := newLabOn(t, defaults, func(o badger.Options) store.Store {
		db, err := badger.Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		return db
	})
	l.change(alice, func(_ store.Tx, u *store.User) { u.Name = "Name in the clear" })
	e, backup := l.enrol(alice)
	typed := []string{l.code(e, 0), l.wrong(e), backup[0], "ZZZZ-1111-ZZZZ-1111"}
	for _, code := range typed {
		if err := l.spend(Attempt{User: alice, Code: code, Address: home}); err != nil {
			wantError(t, "attempt", err, ErrWrongCode)
		}
	}
	record, err := json.Marshal(l.record(alice))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.store.Close(); err != nil {
		t.Fatal(err)
	}
	places := map[string][]byte{"the record": record}
	readFiles(t, dir, places)
	if !found(places, []byte("Name in the clear")) {
		t.Fatal("the user's name is not found either: this test searches in the wrong place")
	}
	for what, secret := range clearForms(e, append(backup, typed...)) {
		if found(places, secret) {
			t.Errorf("%s is stored in the clear", what)
		}
	}
}

// clearForms are the ways in which a secret could be written.
func clearForms(e Enrolment, codes []string) map[string][]byte {
	forms := map[string][]byte{
		"the secret":           e.Secret,
		"the secret in base32": []byte(e.SecretText()),
		"the secret in hex":    []byte(hex.EncodeToString(e.Secret)),
		"the secret in base64": []byte(base64.RawStdEncoding.EncodeToString(e.Secret)),
	}
	for _, code := range codes {
		forms["code "+code] = []byte(code)
		symbols := strings.ReplaceAll(code, "-", "")
		forms["code "+code+" without groups"] = []byte(symbols)
		if raw, ok := parseBackup(symbols); ok {
			forms["code "+code+" in binary"] = raw
			forms["code "+code+" in hex"] = []byte(hex.EncodeToString(raw))
			forms["code "+code+" in base64"] = []byte(base64.RawStdEncoding.EncodeToString(raw))
		}
	}
	return forms
}

func readFiles(t *testing.T, dir string, places map[string][]byte) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		places[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func found(places map[string][]byte, what []byte) bool {
	for _, content := range places {
		if bytes.Contains(content, what) || bytes.Contains(bytes.ToLower(content), bytes.ToLower(what)) {
			return true
		}
	}
	return false
}
