package backup_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/backup"
	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/rotation"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/badger"
	"github.com/secondgate/secondgate/internal/store/memory"
	"github.com/secondgate/secondgate/internal/store/records"
)

const (
	realm  = "shop"
	secret = "twenty bytes secret!"
)

// now is when backups are made and restored; machines' clocks sweep what is older.
var now = time.Now().UTC().Truncate(time.Second)

// fixture is an in-memory store with users who have every kind of record. The tests restore its
// backups into Badger, because a backup of one engine restores into any other.
type fixture struct {
	*testing.T
	store store.Store
	text  string
	ring  *keys.Ring
	key   *age.X25519Identity
}

func newFixture(t *testing.T, users int) *fixture {
	t.Helper()
	h := &fixture{T: t, text: keys.Generate()}
	st := records.Open(memory.New(), records.Options{})
	t.Cleanup(func() { st.Close() })
	h.store = st
	var err error
	if h.ring, err = keys.Parse(h.text); err != nil {
		t.Fatal(err)
	}
	if h.key, err = age.GenerateX25519Identity(); err != nil {
		t.Fatal(err)
	}
	k := rotation.New(st, zap.NewNop(), time.Now)
	defer k.Close()
	if _, err := k.Admit(t.Context(), h.ring); err != nil {
		t.Fatal(err)
	}
	for i := range users {
		h.fill(person(i))
	}
	return h
}

func person(i int) store.UserKey {
	return store.UserKey{Realm: realm, ID: fmt.Sprintf("customer-%05d", i)}
}

func (h *fixture) fill(key store.UserKey) {
	h.Helper()
	visit := store.Visit{Realm: key.Realm, User: key.ID, Factor: "totp", At: now, LastSeen: now, Expires: now.Add(time.Hour), Address: "192.0.2.77", Agent: "An Agent"}
	copy(visit.ID[:], key.ID)
	err := h.store.Update(h.Context(), key, func(tx store.Tx) error {
		u := store.User{
			Key: key, Name: "Name of " + key.ID, Email: key.ID + "@example.test", FirstSeen: now, EnabledAt: now,
			TOTP:     &store.TOTP{ID: "factor", Secret: h.ring.Seal([]byte(secret), "totp secret", key.Realm, key.ID, "factor"), Algorithm: "SHA1", Digits: 6, Period: 30, Floor: 7},
			Backup:   &store.BackupSet{Salt: []byte("salt"), Hashes: [][]byte{[]byte("one"), []byte("two")}, Total: 10},
			Recovery: &store.Recovery{Salt: []byte("salt"), Hash: []byte("hash"), Issued: now, Expires: now.Add(time.Hour), Staff: "sam"},
		}
		return errors.Join(tx.PutUser(u), tx.PutVisit(visit), tx.Spend("code", now.Add(time.Hour)))
	})
	if err != nil {
		h.Fatal(err)
	}
}

// backup writes a backup, encrypted for the fixture's key.
func (h *fixture) backup() []byte {
	h.Helper()
	var file bytes.Buffer
	w, err := backup.Encrypt(&file, h.key.Recipient())
	if err != nil {
		h.Fatal(err)
	}
	if _, err := backup.Write(h.Context(), w, h.store, "memory", now); err != nil {
		h.Fatal(err)
	}
	if err := w.Close(); err != nil {
		h.Fatal(err)
	}
	return file.Bytes()
}

// restore makes a store of a file in dir.
func (h *fixture) restore(dir string, file io.Reader, o backup.Options) (backup.Restored, error) {
	h.Helper()
	b, err := backup.Open(file, h.key)
	if err != nil {
		return backup.Restored{}, err
	}
	if o.Ring == nil {
		o.Ring = h.ring
	}
	o.Logger, o.Clock = zap.NewNop(), func() time.Time { return now }
	aside, err := badger.NewAside(dir, badger.Options{})
	if err != nil {
		return backup.Restored{}, err
	}
	return backup.Restore(h.Context(), aside, b, o)
}

func open(t *testing.T, dir string) store.Store {
	t.Helper()
	st, err := badger.Open(dir, badger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// TestRestore: nothing that may have been spent since the backup is valid after a restore.
func TestRestore(t *testing.T) {
	h := newFixture(t, 5)
	file := h.backup()
	for _, keep := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "store")
		done, err := h.restore(dir, bytes.NewReader(file), backup.Options{KeepBackupCodes: keep})
		if err != nil || done.Users != 5 || done.Ended != 5 || done.Damaged != 0 {
			t.Fatalf("%+v, %v", done, err)
		}
		st := open(t, dir)
		u, err := st.User(t.Context(), person(3))
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := h.ring.Open(u.TOTP.Secret, "totp secret", realm, u.Key.ID, "factor"); err != nil || string(plain) != secret {
			t.Errorf("the secret: %q, %v", plain, err)
		}
		if want := now.Unix()/30 + 1; u.TOTP.Floor != want {
			t.Errorf("floor %d, want %d: the present step, and the one that may have been accepted early", u.TOTP.Floor, want)
		}
		if left := len(u.Backup.Hashes); left != map[bool]int{false: 0, true: 2}[keep] || u.Backup.Total != 10 {
			t.Errorf("keeping them %v, %d of %d backup codes are left", keep, left, u.Backup.Total)
		}
		if u.Recovery != nil || u.Email == "" || u.Name == "" {
			t.Errorf("%+v", u)
		}
		if visits, err := st.Visits(t.Context(), u.Key); err != nil || len(visits) > 0 {
			t.Errorf("%d clearances, %v", len(visits), err)
		}
		if at, err := st.Meta(t.Context(), store.MetaRestored); err != nil || string(at) != now.Format(time.RFC3339Nano) {
			t.Errorf("restored at %q, %v", at, err)
		}
		var kinds string
		if _, err := st.Settle(t.Context(), 10, func(_ store.Entry, pending [][]byte) (store.Settled, error) {
			kinds = string(bytes.Join(pending, []byte("\n")))
			return store.Settled{}, nil
		}); err != nil || strings.Count(kinds, `"event":"restored"`) != 1 {
			t.Errorf("events %s, %v", kinds, err)
		}
	}
}

// TestWrite_Streams: a backup contains the store's records at the time of its begin.
func TestWrite_Streams(t *testing.T) {
	h := newFixture(t, 300)
	var plain bytes.Buffer
	header, err := backup.Write(t.Context(), writerFunc(func(p []byte) (int, error) {
		h.fill(person(rand.IntN(300) + 1000)) // changes go on
		return plain.Write(p)
	}), h.store, "badger", now)
	if err != nil {
		t.Fatal(err)
	}
	b, err := backup.NewReader(&plain)
	if err != nil || fmt.Sprint(b.Header) != fmt.Sprint(header) || header.Store == "" || len(header.Keys) != 1 {
		t.Fatalf("%+v, %+v, %v", b.Header, header, err)
	}
	n := 0
	for {
		r, err := b.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if n++; bytes.Contains(r.Key, []byte("customer-01")) {
			t.Fatalf("%q was written after the moment of the backup", r.Key)
		}
	}
	if n != header.Records || n < 300*5 {
		t.Errorf("%d records, the header says %d", n, header.Records)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestNothingInTheClear (ASVS 11.3, 14.2): no name, address, hash or secret is in the
// file to be read, and no secret even inside the encryption, for the master keys are not there.
func TestNothingInTheClear(t *testing.T) {
	h := newFixture(t, 3)
	var plain bytes.Buffer
	if _, err := backup.Write(t.Context(), &plain, h.store, "badger", now); err != nil {
		t.Fatal(err)
	}
	master, err := base64.StdEncoding.DecodeString(strings.TrimSpace(h.text))
	if err != nil {
		t.Fatal(err)
	}
	file := h.backup()
	for what, clear := range map[string]string{"a user's id": person(1).ID, "a name": "Name of", "an e-mail address": "@example.test", "a client's address": "192.0.2.77", "a realm": realm} {
		if bytes.Contains(file, []byte(clear)) {
			t.Errorf("%s is in the file in the clear", what)
		}
		if !bytes.Contains(plain.Bytes(), []byte(clear)) {
			t.Errorf("%s is not even inside: this test searches for the wrong thing", what)
		}
	}
	for what, clear := range map[string][]byte{
		"the secret": []byte(secret), "the secret in hex": []byte(hex.EncodeToString([]byte(secret))),
		"the master key": master, "the master key's text": []byte(strings.TrimSpace(h.text)),
	} {
		if bytes.Contains(plain.Bytes(), clear) || bytes.Contains(file, clear) {
			t.Errorf("%s is in the backup", what)
		}
	}
}

// TestRestore_Damaged: wherever a file is cut off or changed, it is refused and nothing
// is left of the attempt.
func TestRestore_Damaged(t *testing.T) {
	h := newFixture(t, 200)
	file := h.backup()
	parent := t.TempDir()
	try := func(what string, damaged []byte) {
		t.Helper()
		_, err := h.restore(filepath.Join(parent, "store"), bytes.NewReader(damaged), backup.Options{})
		// Whom it is for stands at its beginning.
		if !errors.Is(err, backup.ErrDamaged) && !errors.Is(err, backup.ErrNotBackup) && !errors.Is(err, backup.ErrKey) {
			t.Errorf("%s: error is %v", what, err)
		}
		if left, _ := os.ReadDir(parent); len(left) > 0 {
			t.Fatalf("%s: left behind: %v", what, left)
		}
	}
	sizes := []int{0, 1, 20, 100, 200, 216, 250, len(file) / 2, 64<<10 + 300, len(file) - 1}
	for _, n := range sizes {
		try(fmt.Sprintf("cut off after %d of %d bytes", n, len(file)), file[:min(n, len(file)-1)])
	}
	for _, at := range []int{0, 21, 40, 80, 120, 180, 210, 250, 5000, len(file) / 2, len(file) - 30, len(file) - 1} {
		changed := bytes.Clone(file)
		changed[at] ^= 1 << (at % 8)
		try(fmt.Sprintf("byte %d of %d changed", at, len(file)), changed)
	}
	try("something behind the end", append(bytes.Clone(file), 'x'))
	// A chunk that is left out, and two that changed places.
	chunk := 64<<10 + 16
	start := len(file) % chunk
	if len(file) > 3*chunk {
		try("a chunk left out", append(bytes.Clone(file[:start]), file[start+chunk:]...))
	}
}

// TestOpen_Refuses: a file that is no backup, is encrypted for another key or has another version
// is refused.
func TestOpen_Refuses(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	sealed := func(plain string, to *age.X25519Identity) string {
		var file strings.Builder
		w, err := backup.Encrypt(&file, to.Recipient())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, plain); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return file.String()
	}
	const head = "secondgate backup\n"
	tests := map[string]struct {
		file string
		want error
	}{
		"an empty file":          {"", backup.ErrNotBackup},
		"a text":                 {"Dear customer,\n", backup.ErrNotBackup},
		"zeros":                  {strings.Repeat("\x00", 1000), backup.ErrNotBackup},
		"another's age file":     {sealed("a letter", key), backup.ErrNotBackup},
		"a long line":            {sealed(strings.Repeat("x", 1<<20), key), backup.ErrNotBackup},
		"for another key":        {sealed(head, other), backup.ErrKey},
		"no header":              {sealed(head, key), backup.ErrDamaged},
		"a header that is none":  {sealed(head+"{\n", key), backup.ErrDamaged},
		"an endless header":      {sealed(head+strings.Repeat("x", 1<<20), key), backup.ErrDamaged},
		"a later format":         {sealed(head+`{"format":2}`+"\n", key), backup.ErrVersion},
		"no format":              {sealed(head+`{}`+"\n", key), backup.ErrVersion},
		"fewer records":          {sealed(head+`{"format":1,"records":1}`+"\n", key), backup.ErrDamaged},
		"more records":           {sealed(head+`{"format":1,"records":0}`+"\n\x01k\x01v\x00", key), backup.ErrDamaged},
		"half a record":          {sealed(head+`{"format":1,"records":1}`+"\n\x05k", key), backup.ErrDamaged},
		"a key beyond bounds":    {sealed(head+`{"format":1,"records":1}`+"\n\xff\xff\xff\xff\x7f", key), backup.ErrDamaged},
		"a length without end":   {sealed(head+`{"format":1,"records":1}`+"\n\xff\xff", key), backup.ErrDamaged},
		"a value beyond bounds":  {sealed(head+`{"format":1,"records":1}`+"\n\x01k\xff\xff\xff\xff\x7f", key), backup.ErrDamaged},
		"an expiry without end":  {sealed(head+`{"format":1,"records":1}`+"\n\x01k\x01v\xff", key), backup.ErrDamaged},
		"a value without expiry": {sealed(head+`{"format":1,"records":1}`+"\n\x01k\x01v", key), backup.ErrDamaged},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if err := readAll(strings.NewReader(tt.file), key); !errors.Is(err, tt.want) {
				t.Errorf("error is %v, want %v", err, tt.want)
			}
		})
	}
}

func readAll(file io.Reader, key age.Identity) error {
	b, err := backup.Open(file, key)
	for err == nil {
		_, err = b.Next()
	}
	return err
}

// TestRestore_WrongKeys: master keys that are another store's, or not all of them.
func TestRestore_WrongKeys(t *testing.T) {
	h := newFixture(t, 3)
	// A second key seals from now on; the users' secrets need the first.
	newer := keys.Generate()
	both, err := keys.Parse(newer + h.text)
	if err != nil {
		t.Fatal(err)
	}
	k := rotation.New(h.store, zap.NewNop(), time.Now)
	defer k.Close()
	if _, err := k.Admit(t.Context(), both); err != nil {
		t.Fatal(err)
	}
	file := h.backup()
	for name, tt := range map[string]struct{ text, want string }{
		"another store's": {keys.Generate(), "are not those of the backup"},
		"not all":         {newer, "the master keys: none of them is the one that this store was made with"},
	} {
		ring, err := keys.Parse(tt.text)
		if err != nil {
			t.Fatal(err)
		}
		parent := t.TempDir()
		_, err = h.restore(filepath.Join(parent, "store"), bytes.NewReader(file), backup.Options{Ring: ring})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error is %v, want %q in it", name, err, tt.want)
		}
		if left, _ := os.ReadDir(parent); len(left) > 0 {
			t.Errorf("%s: left behind: %v", name, left)
		}
	}
	if _, err := h.restore(filepath.Join(t.TempDir(), "store"), bytes.NewReader(file), backup.Options{Ring: both}); err != nil {
		t.Error(err)
	}
}

// TestRead_Errors: a file that can't be read is not called damaged.
func TestRead_Errors(t *testing.T) {
	h := newFixture(t, 200)
	file := h.backup()
	broken := errors.New("input/output error")
	for _, n := range []int{0, 50, len(file) / 2, len(file)} {
		r := io.MultiReader(bytes.NewReader(file[:n]), failing{broken})
		if err := readAll(r, h.key); !errors.Is(err, broken) || errors.Is(err, backup.ErrDamaged) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestCopy: a copied backup is verified to its end, and can be restored.
func TestCopy(t *testing.T) {
	h := newFixture(t, 50)
	file := h.backup()
	var plain bytes.Buffer
	header, err := backup.Copy(t.Context(), &plain, bytes.NewReader(file), h.key)
	if err != nil || header.Records == 0 {
		t.Fatalf("%+v, %v", header, err)
	}
	b, err := backup.NewReader(&plain)
	for err == nil {
		_, err = b.Next()
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("the copy: %v", err)
	}
	if _, err := backup.Copy(t.Context(), io.Discard, bytes.NewReader(file[:len(file)-1]), h.key); !errors.Is(err, backup.ErrDamaged) {
		t.Errorf("cut off: %v", err)
	}
	full := errors.New("no space left on device")
	if _, err := backup.Copy(t.Context(), writerFunc(func([]byte) (int, error) { return 0, full }), bytes.NewReader(file), h.key); !errors.Is(err, full) {
		t.Errorf("a full disk: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := backup.Copy(ctx, io.Discard, bytes.NewReader(file), h.key); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// TestAttack_K9_WorkFactor: the file does not determine how much memory a restore takes.
func TestAttack_K9_WorkFactor(t *testing.T) {
	const head = "secondgate backup\n" + `{"format":1,"records":0}` + "\n"
	with, err := backup.PassphraseIdentity("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	sealed := func(to age.Recipient) string {
		var file strings.Builder
		w, err := backup.Encrypt(&file, to)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(w, head)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return file.String()
	}
	ours, err := backup.PassphraseRecipient("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	own := sealed(ours)
	if written := fmt.Sprintf(" %d\n", backup.WorkFactor); !strings.Contains(own[:100], written) {
		t.Errorf("backups are not written with work factor %d: %q", backup.WorkFactor, own[:100])
	}
	if err := readAll(strings.NewReader(own), with); !errors.Is(err, io.EOF) {
		t.Errorf("our own: %v", err)
	}
	cheap, err := age.NewScryptRecipient("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	cheap.SetWorkFactor(10)
	file := sealed(cheap)
	if err := readAll(strings.NewReader(file), with); !errors.Is(err, io.EOF) {
		t.Errorf("less work: %v", err)
	}
	// Only the work factor in the file is changed. It is refused before any work is done.
	for _, factor := range []string{"19", "20", "22", "30", "63", "99999"} {
		costly := strings.Replace(file, " 10\n", " "+factor+"\n", 1)
		err := readAll(strings.NewReader(costly), with)
		if !errors.Is(err, backup.ErrWorkFactor) || !strings.Contains(err.Error(), "work factor "+factor+", at most 18") {
			t.Errorf("work factor %s: %v", factor, err)
		}
	}
	other, _ := backup.PassphraseIdentity("wrong horse")
	if err := readAll(strings.NewReader(file), other); !errors.Is(err, backup.ErrKey) {
		t.Errorf("another passphrase: %v", err)
	}
}

// TestParseRecipients: only public keys, and no error shows a private one.
func TestParseRecipients(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if to, err := backup.ParseRecipients([]string{key.Recipient().String()}); err != nil || len(to) != 1 {
		t.Errorf("%v, %v", to, err)
	}
	for _, wrong := range [][]string{nil, {""}, {"age1"}, {"# a comment"}, {"ssh-ed25519 AAAA"}, {key.String()}, {key.Recipient().String(), "x"}} {
		if _, err := backup.ParseRecipients(wrong); err == nil || strings.Contains(err.Error(), key.String()[16:]) {
			t.Errorf("%v: error is %v", wrong, err)
		}
	}
}
