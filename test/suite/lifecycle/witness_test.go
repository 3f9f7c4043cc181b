package lifecycle

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	raw "github.com/dgraph-io/badger/v4"

	"github.com/secondgate/secondgate/internal/store"
	engine "github.com/secondgate/secondgate/internal/store/badger"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// idle is a configuration that runs without Secondgate.
const idle = "{\n" + harness.GlobalLines + "}\nhttp://127.0.0.1:PORT {\n\tbind 127.0.0.1\n\trespond idle\n}\n"

func elsewhere(h *harness.Harness) string { return h.Dir + "-elsewhere" }

// enrolled starts a gateway with the user alice, who has a second factor.
func enrolled(t *testing.T) (*harness.Harness, *harness.Device) {
	t.Helper()
	h := harness.StartWhole(t, &harness.Legacy{}, usual)
	b := h.Browser()
	b.SignIn("alice")
	return h, b.Enrol()
}

func copyDir(t testing.TB, to, from string) {
	t.Helper()
	if err := errors.Join(os.RemoveAll(to), os.CopyFS(to, os.DirFS(from))); err != nil {
		t.Fatal(err)
	}
}

// image is a directory as a kill would leave it now, once all events are in the chain.
func image(t testing.TB, h *harness.Harness) string {
	t.Helper()
	time.Sleep(1500 * time.Millisecond)
	to := filepath.Join(t.TempDir(), "image")
	copyDir(t, to, h.Dir)
	return to
}

// loss loses a store in one way. It gets a running gateway and stops it. It returns the expected
// text of the refusal, and the directory in the configuration afterwards.
type loss func(t *testing.T, h *harness.Harness) (want, dir string)

var losses = map[string]loss{
	"a mistyped directory": func(t *testing.T, h *harness.Harness) (string, string) {
		stop(t)
		return "no store", elsewhere(h)
	},
	"an unmounted volume": func(t *testing.T, h *harness.Harness) (string, string) {
		stop(t)
		if err := errors.Join(os.Rename(h.Dir, elsewhere(h)), os.Mkdir(h.Dir, 0o700)); err != nil {
			t.Fatal(err)
		}
		return "no store", h.Dir
	},
	"an empty directory beside a known key": func(t *testing.T, h *harness.Harness) (string, string) {
		stop(t)
		store := filepath.Join(h.Dir, "store")
		if err := errors.Join(os.RemoveAll(store), os.Mkdir(store, 0o700)); err != nil {
			t.Fatal(err)
		}
		return "no store", h.Dir
	},
	"another store": func(t *testing.T, h *harness.Harness) (string, string) {
		stop(t)
		kept := caddy.DefaultStorage.Path
		caddy.DefaultStorage.Path = t.TempDir() // it was made on another machine
		other := strings.ReplaceAll(usual, "DIR", elsewhere(h))
		if err := h.TryWhole(other); err != nil {
			t.Fatal(err)
		}
		b := h.Browser()
		b.SignIn("bob")
		b.Enrol()
		stop(t)
		caddy.DefaultStorage.Path = kept
		return `never served realm "one"`, elsewhere(h)
	},
	"an unmounted volume that Caddy's storage was on, too": func(t *testing.T, h *harness.Harness) (string, string) {
		stop(t)
		if err := errors.Join(os.RemoveAll(h.Dir), os.RemoveAll(caddy.DefaultStorage.Path)); err != nil {
			t.Fatal(err)
		}
		return "the configuration says must_exist", h.Dir + " {\n\t\tmust_exist\n\t}"
	},
	"a missing MANIFEST": func(t *testing.T, h *harness.Harness) (string, string) {
		stop(t)
		if err := os.Remove(filepath.Join(h.Dir, "store", "MANIFEST")); err != nil {
			t.Fatal(err)
		}
		return "the file MANIFEST is missing", h.Dir
	},
	"a flipped byte": func(t *testing.T, h *harness.Harness) (string, string) {
		killed := image(t, h)
		stop(t)
		flip(t, killed, "alice")
		copyDir(t, h.Dir, killed)
		return "an older copy was put back, or damage cost its newest records", h.Dir
	},
	"an older copy": func(t *testing.T, h *harness.Harness) (string, string) {
		stop(t)
		older := filepath.Join(t.TempDir(), "older")
		copyDir(t, older, h.Dir)
		if err := h.TryWhole(usual); err != nil {
			t.Fatal(err)
		}
		b := h.Browser()
		b.SignIn("bob")
		b.Enrol()
		stop(t)
		copyDir(t, h.Dir, older)
		return "an older copy was put back", h.Dir
	},
	"another history of the same store": func(t *testing.T, h *harness.Harness) (string, string) {
		stop(t)
		older := filepath.Join(t.TempDir(), "older")
		copyDir(t, older, h.Dir)
		kept := caddy.DefaultStorage.Path
		caddy.DefaultStorage.Path = t.TempDir()
		lead(t, h, "bob", "carol") // on another machine
		newer := filepath.Join(t.TempDir(), "newer")
		copyDir(t, newer, h.Dir)
		copyDir(t, h.Dir, older)
		caddy.DefaultStorage.Path = kept
		lead(t, h, "carol")
		copyDir(t, h.Dir, newer)
		return "that store with another history", h.Dir
	},
	"a deleted user": func(t *testing.T, h *harness.Harness) (string, string) {
		stop(t)
		deleteKeys(t, filepath.Join(h.Dir, "store"), "alice", 'u', 'n', 'i', 'w', 'g', 'h')
		return "of whom 1 are missing without an entry in the audit log that explains it", h.Dir
	},
}

// lead starts the usual gateway, has these users enrol, and stops it.
func lead(t testing.TB, h *harness.Harness, users ...string) {
	t.Helper()
	if err := h.TryWhole(usual); err != nil {
		t.Fatal(err)
	}
	for _, user := range users {
		b := h.Browser()
		b.SignIn(user)
		b.Enrol()
	}
	stop(t)
}

// flip changes one byte of the first record of a user in the *.mem of a killed process.
func flip(t testing.TB, dir, user string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "store", "*.mem"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no *.mem: %v", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if at := bytes.Index(content, []byte(user)); at >= 0 {
			content[at] ^= 1
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("nothing of %s is in a *.mem", user)
}

// deleteKeys removes a user's records of some kinds, behind Secondgate's back.
func deleteKeys(t testing.TB, dir, user string, kinds ...byte) {
	t.Helper()
	db, err := raw.Open(raw.DefaultOptions(dir).WithLogger(nil).WithSyncWrites(true))
	if err != nil {
		t.Fatal(err)
	}
	var keys [][]byte
	err = db.View(func(txn *raw.Txn) error {
		it := txn.NewIterator(raw.IteratorOptions{})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			if key := it.Item().KeyCopy(nil); bytes.IndexByte(kinds, key[0]) >= 0 && bytes.Contains(key, []byte(user)) {
				keys = append(keys, key)
			}
		}
		return nil
	})
	for _, key := range keys {
		if err == nil {
			err = db.Update(func(txn *raw.Txn) error { return txn.Delete(key) })
		}
	}
	if err = errors.Join(err, db.Close()); err != nil || len(keys) == 0 {
		t.Fatalf("%d keys of %s: %v", len(keys), user, err)
	}
}

// TestAttack_J1_Start and TestAttack_J1_Reload: a lost store is refused, in every way in which it
// can be lost. The error is one sentence that states what was expected, what was found and the
// remedy. No user gets in by password alone, and no file is created or overwritten.
func TestAttack_J1_Start(t *testing.T) { refusals(t, "") }

func TestAttack_J1_Reload(t *testing.T) { refusals(t, idle) }

func refusals(t *testing.T, before string) {
	for name, lose := range losses {
		t.Run(name, func(t *testing.T) {
			h, _ := enrolled(t)
			want, dir := lose(t, h)
			if before != "" {
				if err := h.TryWhole(before); err != nil {
					t.Fatal(err)
				}
			}
			directory, _, _ := strings.Cut(dir, " ")
			_, missing := os.Stat(directory)
			refusedStart(t, h.TryWhole(strings.ReplaceAll(usual, "DIR", dir)), want)
			if _, err := os.Stat(directory); errors.Is(missing, fs.ErrNotExist) && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s was made", directory)
			}
			if before != "" {
				if p := h.Browser().Get("/"); p.Body != "idle" {
					t.Errorf("the configuration before does not go on: %d %q", p.Status, p.Body)
				}
			}
			// It stays so: the refused start has not made the loss the new truth.
			refusedStart(t, h.TryWhole(strings.ReplaceAll(usual, "DIR", dir)), "")
		})
	}
}

func refusedStart(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil {
		t.Fatal("it starts")
	}
	for _, part := range []string{want, "secondgate restore"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the refusal does not say %q: %v", part, err)
		}
	}
	if strings.Contains(err.Error(), "expected the store") {
		for _, part := range []string{"activated users in realm", "found in ", "right directory", "secondgate accept-loss --caddy-storage " + caddy.DefaultStorage.Path + " --staff NAME --reason TEXT"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("the refusal does not say %q: %v", part, err)
			}
		}
	}
}

// TestAttack_J1_MistypedDirectoryOnReload: the reload is refused, and the running configuration
// still asks for codes.
func TestAttack_J1_MistypedDirectoryOnReload(t *testing.T) {
	h, device := enrolled(t)
	refusedStart(t, h.TryWhole(strings.ReplaceAll(usual, "DIR", elsewhere(h))), "no store")
	served(t, h, "alice", device)
}

// TestJ1_NotTripped: the server starts where no store was lost: again, after a kill at any moment,
// with a witness that lags behind, after an upgrade.
func TestJ1_NotTripped(t *testing.T) {
	t.Run("a restart and a reload", func(t *testing.T) {
		h, device := enrolled(t)
		stop(t)
		for range 2 {
			if err := h.TryWhole(usual); err != nil {
				t.Fatal(err)
			}
		}
		served(t, h, "alice", device)
	})
	t.Run("a kill", func(t *testing.T) {
		h, device := enrolled(t)
		killed := image(t, h)
		stop(t)
		copyDir(t, h.Dir, killed)
		if err := h.TryWhole(usual); err != nil {
			t.Fatal(err)
		}
		served(t, h, "alice", device)
	})
	t.Run("a user who turned it off before a kill", func(t *testing.T) {
		h, device := enrolled(t)
		stop(t)
		if err := h.TryWhole(usual); err != nil { // now the witness counts alice
			t.Fatal(err)
		}
		b := h.Browser()
		b.SignIn("alice")
		accepted(t, b.Pass(device.Backup[0]))
		witnessed := filepath.Join(t.TempDir(), "caddy")
		copyDir(t, witnessed, caddy.DefaultStorage.Path)
		killed := turnOff(t, h, b, device)
		stop(t)
		copyDir(t, h.Dir, killed)
		copyDir(t, caddy.DefaultStorage.Path, witnessed)
		if err := h.TryWhole(usual); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("an upgrade", func(t *testing.T) {
		h, device := enrolled(t)
		stop(t)
		if err := os.RemoveAll(filepath.Join(caddy.DefaultStorage.Path, "secondgate")); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := h.TryWhole(usual); err != nil {
				t.Fatal(err)
			}
			stop(t)
		}
		if err := h.TryWhole(usual); err != nil {
			t.Fatal(err)
		}
		served(t, h, "alice", device)
		if n := strings.Count(h.LogText(), "the store had no witness; it is adopted as it is"); n != 1 {
			t.Errorf("adopted %d times", n)
		}
	})
}

// turnOff turns alice's second factor off, and returns an image of the store in which the
// event is still pending, if the moment allows.
func turnOff(t *testing.T, h *harness.Harness, b *harness.Browser, device *harness.Device) string {
	t.Helper()
	time.Sleep(1100 * time.Millisecond)
	if p := b.Post("/two-factor/disable", url.Values{"code": {device.Backup[1]}}); p.Status != http.StatusSeeOther {
		t.Fatalf("turning off: %d %.300s", p.Status, p.Body)
	}
	to := filepath.Join(t.TempDir(), "image")
	copyDir(t, to, h.Dir)
	return to
}

// TestJ1_UnreadableStorage: the start is refused if the witness can't be read, because a lost
// store could not be detected. If the witness can't be written, the server starts, and the log
// explains the consequence.
func TestJ1_UnreadableStorage(t *testing.T) {
	h, _ := enrolled(t)
	stop(t)
	folder := filepath.Join(caddy.DefaultStorage.Path, "secondgate", "witness")
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("witnesses %v, %v", files, err)
	}
	good, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ content, want string }{
		"cut off": {string(good[:len(good)/2]), "can't be read"},
		"forged":  {strings.Replace(string(good), `"one":1`, `"one":2`, 1), "its witness in Caddy's storage is not signed with its master keys"},
	} {
		if err := os.WriteFile(files[0], []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := h.TryWhole(usual); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A directory in place of the file can be neither read nor written, not even by root.
	if err := errors.Join(os.Remove(files[0]), os.Mkdir(files[0], 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := h.TryWhole(usual); err == nil || !strings.Contains(err.Error(), "make that storage readable for the server's user") {
		t.Errorf("unreadable: %v", err)
	}
	if err := errors.Join(os.RemoveAll(caddy.DefaultStorage.Path), os.Mkdir(caddy.DefaultStorage.Path, 0o700),
		os.WriteFile(filepath.Join(caddy.DefaultStorage.Path, "secondgate"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := h.TryWhole(usual); err == nil || !strings.Contains(err.Error(), "make that storage readable") {
		t.Errorf("a file in place of the directory: %v", err)
	}
}

// TestJ1_UnwritableStorage: a first start works, and is loud.
func TestJ1_UnwritableStorage(t *testing.T) {
	h := harness.StartWhole(t, &harness.Legacy{}, idle)
	caddy.DefaultStorage.Path = "/proc/self/secondgate" // nothing can be made there
	if err := h.TryWhole(usual); err != nil {
		t.Fatal(err)
	}
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	if !strings.Contains(h.LogText(), "the store's witness could not be renewed in Caddy's storage") {
		t.Error("not logged")
	}
}

// TestJ1_UsersVanishWhileRunning: the number of activated users falls without an event. The server
// is not ready, and the metric shows how many are missing.
func TestJ1_UsersVanishWhileRunning(t *testing.T) {
	var db *engine.DB
	harness.RegisterStorage("vanishing", func(d *engine.DB) store.Store { db = d; return d })
	config := strings.Replace(usual, badger, "storage vanishing DIR", 1)
	h := harness.StartWhole(t, &harness.Legacy{}, config)
	for _, user := range []string{"alice", "bob"} {
		b := h.Browser()
		b.SignIn(user)
		b.Enrol()
	}
	if err := h.TryWhole(config); err != nil { // counts
		t.Fatal(err)
	}
	await(t, h, http.StatusOK)
	key := store.UserKey{Realm: "one", ID: "alice"}
	err := db.Update(t.Context(), key, func(tx store.Tx) error {
		u, err := tx.User()
		if err != nil {
			return err
		}
		u.TOTP = nil
		return tx.PutUser(u)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.TryWhole(config); err != nil {
		t.Fatal(err)
	}
	await(t, h, http.StatusServiceUnavailable)
	if p := h.Browser().Get("/two-factor/health/ready"); !strings.Contains(p.Body, "fewer than the audit log explains") {
		t.Errorf("%s", p.Body)
	}
	if !strings.Contains(h.LogText(), "users with a second factor are missing, and the audit log does not explain it") {
		t.Error("not logged")
	}
	stop(t)
	refusedStart(t, h.TryWhole(config), "of whom 1 are missing")
}

// await waits until the gateway is as ready as that.
func await(t *testing.T, h *harness.Harness, status int) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		p := h.Browser().Get("/two-factor/health/ready")
		if p.Status == status {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("ready says %d %s, want %d", p.Status, p.Body, status)
		}
	}
}

// TestAttack_J6_NotReady: a server with damaged tables reports not ready, and serves the users
// with intact records.
func TestAttack_J6_NotReady(t *testing.T) {
	h, device := enrolled(t)
	stop(t)
	tables, err := filepath.Glob(filepath.Join(h.Dir, "store", "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("tables %v, %v", tables, err)
	}
	content, err := os.ReadFile(tables[0])
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(content, []byte("Test/1.0")) // of an event
	if at < 0 {
		t.Fatal("no event in the table")
	}
	content[at] ^= 1
	if err := os.WriteFile(tables[0], content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.TryWhole(usual); err != nil {
		t.Fatal(err)
	}
	if p := h.Browser().Get("/two-factor/health/ready"); p.Status != http.StatusServiceUnavailable || !strings.Contains(p.Body, `"store":"is damaged"`) {
		t.Errorf("%d %s", p.Status, p.Body)
	}
	served(t, h, "alice", device)
	if p := h.Browser().SignIn("bob"); p.Status != http.StatusServiceUnavailable { // unknown, or hidden
		t.Errorf("bob: %d %q", p.Status, p.Location)
	}
}
