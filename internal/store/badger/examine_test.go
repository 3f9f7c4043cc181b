package badger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	engine "github.com/dgraph-io/badger/v4"

	"github.com/secondgate/secondgate/internal/store"
)

// crashed returns a directory as a killed process leaves it: 40 users in a table, and five
// more in a *.mem.
func crashed(t *testing.T) (dir string) {
	t.Helper()
	live := filepath.Join(t.TempDir(), "store")
	d, err := Open(live, Options{})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, d, people(0, 40)...)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = open(t, live, Options{})
	fill(t, d, people(40, 45)...)
	dir = filepath.Join(t.TempDir(), "store")
	if err := os.CopyFS(dir, os.DirFS(live)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func people(from, to int) (keys []store.UserKey) {
	for i := from; i < to; i++ {
		keys = append(keys, store.UserKey{Realm: "shop", ID: fmt.Sprintf("user%02d", i)})
	}
	return keys
}

// content is every file of a directory.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[f.Name()] = string(raw)
	}
	return all
}

func theOne(t *testing.T, dir, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: %v, %v", pattern, found, err)
	}
	return found[0]
}

// rewrite replaces a file's content by a function of it.
func rewrite(t *testing.T, file string, how func([]byte) []byte) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, how(raw), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestAttack_J1_FilesThatCannotBeOpened: a store with missing or broken files is refused
// before Badger can repair it away; nothing in the directory changes.
func TestAttack_J1_FilesThatCannotBeOpened(t *testing.T) {
	remove := func(pattern string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.Remove(theOne(t, dir, pattern)); err != nil {
				t.Fatal(err)
			}
		}
	}
	change := func(pattern string, how func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) { rewrite(t, theOne(t, dir, pattern), how) }
	}
	for name, c := range map[string]struct {
		damage func(*testing.T, string)
		want   string
	}{
		"no MANIFEST":             {remove("MANIFEST"), "the file MANIFEST is missing, and 1 tables and"},
		"an empty MANIFEST":       {change("MANIFEST", func([]byte) []byte { return nil }), "the file MANIFEST can't be read"},
		"a changed MANIFEST":      {change("MANIFEST", func(b []byte) []byte { b[len(b)/2] ^= 4; return b }), "the file MANIFEST can't be read"},
		"a MANIFEST without end":  {func(t *testing.T, dir string) { cutManifest(t, dir) }, "the file MANIFEST was cut off: it does not name the file"},
		"a torn MANIFEST":         {change("MANIFEST", func(b []byte) []byte { return b[:20] }), "the file MANIFEST was cut off: it does not name the file"},
		"no table":                {remove("*.sst"), ".sst is missing, which the file MANIFEST names"},
		"an empty table":          {change("*.sst", func([]byte) []byte { return nil }), ".sst can't be read"},
		"half a table":            {change("*.sst", func(b []byte) []byte { return b[:len(b)/2] }), ".sst can't be read"},
		"a table without its end": {change("*.sst", func(b []byte) []byte { return b[:len(b)-1] }), ".sst can't be read"},
		"zeros at a table's end":  {change("*.sst", func(b []byte) []byte { clear(b[len(b)-64:]); return b }), ".sst can't be read"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := crashed(t)
			c.damage(t, dir)
			before := content(t, dir)
			d, err := Open(dir, Options{})
			if err == nil {
				d.Close()
			}
			if !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "secondgate restore") || strings.Contains(err.Error(), "\n") {
				t.Errorf("error is %v, want %q", err, c.want)
			}
			for file, old := range before {
				if now, err := os.ReadFile(filepath.Join(dir, file)); err != nil || string(now) != old {
					t.Errorf("%s was changed: %v", file, err)
				}
			}
		})
	}
}

// cutManifest leaves the beginning of a store that was closed.
func cutManifest(t *testing.T, dir string) {
	t.Helper()
	if err := os.Remove(theOne(t, dir, "*.mem")); err != nil {
		t.Fatal(err)
	}
	rewrite(t, filepath.Join(dir, "MANIFEST"), func(b []byte) []byte { return b[:8] })
}

// TestAttack_J6_HiddenUser: damage to a key hides its record from Badger. The user is
// refused and not taken for one without a second factor, and the store is not ready.
func TestAttack_J6_HiddenUser(t *testing.T) {
	dir := crashed(t)
	rewrite(t, theOne(t, dir, "*.sst"), func(b []byte) []byte {
		// A table keeps of a key what differs from the key before, and then its version.
		record := strings.Index(string(b), "Name of user20")
		at := strings.LastIndex(string(b[:record]), "20\x00\x01\xff")
		b[at] ^= 0x40
		return b
	})
	d := open(t, dir, Options{})
	hidden := 0
	for _, key := range people(0, 45) {
		_, err := d.User(t.Context(), key)
		if errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s is not found, as if they had no second factor", key.ID)
		}
		if errors.Is(err, store.ErrCorrupt) {
			hidden++
		}
		err = d.Update(t.Context(), key, func(tx store.Tx) error { _, err := tx.User(); return err })
		if errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s is not found by a change", key.ID)
		}
	}
	if hidden == 0 {
		t.Error("no record was hidden: this test damages the wrong place")
	}
	if err := d.Check(t.Context()); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("ready with damaged tables: %v", err)
	}
}

// TestJ6_RandomDamage: whatever is changed or cut off in whatever file, opening returns
// (no panic), and who had been confirmed in a table is found or refused. What is lost of
// a *.mem is for the witness to notice.
func TestJ6_RandomDamage(t *testing.T) {
	base := crashed(t)
	files := content(t, base)
	random := rand.New(rand.NewPCG(1, 2))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		whole := files[name]
		if whole == "" || name == "LOCK" {
			continue
		}
		for round := range 12 {
			// A MANIFEST that is cut between two records, with a *.mem file present, looks like
			// a crash.
			between := []int{8, 16}
			dir := filepath.Join(t.TempDir(), "store")
			if err := os.CopyFS(dir, os.DirFS(base)); err != nil {
				t.Fatal(err)
			}
			at := random.IntN(min(len(whole), 20000))
			if name == engine.ManifestFilename && slices.Contains(between, at) {
				continue
			}
			rewrite(t, filepath.Join(dir, name), func(b []byte) []byte {
				if round%3 == 0 {
					return b[:at]
				}
				b[at] ^= 1 << random.IntN(8)
				return b
			})
			d, err := Open(dir, Options{})
			if err != nil {
				continue
			}
			for _, key := range people(0, 40) {
				if _, err := d.User(context.Background(), key); errors.Is(err, store.ErrNotFound) {
					t.Errorf("%s changed at %d (round %d): %s is not found", name, at, round, key.ID)
				}
			}
			if err := d.Close(); err != nil {
				t.Logf("%s changed at %d: closing: %v", name, at, err)
			}
		}
	}
}
