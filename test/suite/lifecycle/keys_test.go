package lifecycle

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/test/kit/harness"
)

var newKey = keys.Generate()

// stop ends the server, as an operator does before an upgrade.
func stop(t testing.TB) {
	t.Helper()
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
}

// refused fails the test unless a configuration is refused in these words.
func refused(t testing.TB, h *harness.Harness, caddyfile string, words ...string) {
	t.Helper()
	err := h.TryWhole(caddyfile)
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("error is %v; want %q in it", err, w)
		}
	}
}

// TestKeyMadeOnce: the key file of a new store is private, is logged once, and is never replaced.
func TestKeyMadeOnce(t *testing.T) {
	h := harness.StartWhole(t, &harness.Legacy{}, usual)
	file := filepath.Join(h.Dir, "master.key")
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	made := read(t, file)
	stop(t)
	reload(t, h, usual)
	reload(t, h, usual)
	if read(t, file) != made {
		t.Error("the key was replaced")
	}
	log := h.LogText()
	if n := strings.Count(log, "a new master key was created"); n != 1 {
		t.Errorf("it was told %d times", n)
	}
	if strings.Contains(log, strings.TrimSpace(made)) {
		t.Error("the key is in the log")
	}
}

func read(t testing.TB, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestWrongKey: a store is not opened with another key, and a lost one is not replaced.
func TestWrongKey(t *testing.T) {
	h := harness.StartWhole(t, &harness.Legacy{}, usual)
	b := h.Browser()
	b.SignIn("alice")
	device := b.Enrol()
	file := filepath.Join(h.Dir, "master.key")
	right := read(t, file)
	stop(t)

	write(t, file, newKey)
	refused(t, h, usual, file, "none of them is the one that this store was made with", "nothing was changed")
	if read(t, file) != newKey {
		t.Error("the key file was written")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	refused(t, h, usual, file, "is missing", "put the file back from your backup")
	if _, err := os.Stat(file); err == nil {
		t.Error("a lost key was replaced")
	}
	for content, want := range map[string]string{
		"":                     "no master key found",
		"not a key":            "line 1",
		right + "c2hvcnQ=\n":   "line 2",
		"# only a comment\n\n": "no master key found",
	} {
		write(t, file, content)
		refused(t, h, usual, file, want)
	}
	write(t, file, "# kept\n\n"+right)
	reload(t, h, usual)
	if !passes(t, b, "alice") {
		t.Error("with the right key the clearance does not count")
	}
	other := h.Browser()
	asked(t, other.SignIn("alice"))
	accepted(t, other.Pass(device.Code(t)))
}

// TestKeySources: {file.…} and {env.…} are resolved at start. An unreadable source is an error.
func TestKeySources(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "key")
	write(t, file, newKey)
	t.Setenv("SECONDGATE_TEST_KEY", newKey)
	fromFile := whole(badger+"\nkey {file."+file+"}", site("PORT", named))
	h := harness.StartWhole(t, &harness.Legacy{}, fromFile)
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	stop(t)
	reload(t, h, whole(badger+"\nkey {env.SECONDGATE_TEST_KEY}", site("PORT", named)))
	if !passes(t, b, "alice") {
		t.Error("the same key from the environment does not open")
	}
	stop(t)
	refused(t, h, whole(badger+"\nkey {env.SECONDGATE_NO_SUCH}", site("PORT", named)), "SECONDGATE_NO_SUCH")
	refused(t, h, whole(badger+"\nkey {file."+dir+"/no-such}", site("PORT", named)), "no-such", "can't be read")
	refused(t, h, whole(badger+"\nkey {nonsense}", site("PORT", named)), "want {file./path/to/key} or {env.NAME}")
	if _, err := os.Stat(filepath.Join(h.Dir, "master.key")); err == nil {
		t.Error("a key was made beside the named one")
	}
	if log := h.LogText(); strings.Contains(log, strings.TrimSpace(newKey)) {
		t.Error("the key is in the log")
	}
}

// TestKeyRotation: with a new key above the old one, everything that the old one sealed still
// opens: visits, factors, set-ups in progress.
func TestKeyRotation(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "key")
	old := keys.Generate()
	write(t, file, old)
	caddyfile := whole(badger+"\nkey {file."+file+"}", site("PORT", named))
	h := harness.StartWhole(t, &harness.Legacy{}, caddyfile)
	b := h.Browser()
	b.SignIn("alice")
	device := b.Enrol()
	pending := h.Browser()
	asked(t, pending.SignIn("alice"))

	write(t, file, newKey+old)
	reload(t, h, caddyfile)
	if !passes(t, b, "alice") {
		t.Error("a visit sealed with the old key does not open")
	}
	accepted(t, pending.Pass(device.Code(t)))
	b.Get("/rotate")
	if !passes(t, b, "alice") {
		t.Error("a visit that goes on under both keys does not open")
	}
	bob := h.Browser()
	bob.SignIn("bob")
	bobs := bob.Enrol()
	for _, restart := range []bool{false, true} {
		if restart {
			stop(t)
			reload(t, h, caddyfile)
		}
		for user, d := range map[string]*harness.Device{"alice": device, "bob": bobs} {
			other := h.Browser()
			asked(t, other.SignIn(user))
			accepted(t, other.Pass(d.Code(t)))
		}
	}
	asked(t, h.Browser().SignIn("alice"))
	last := h.Browser()
	asked(t, last.SignIn("alice"))
	if p := last.Pass(device.Backup[0]); p.Status != http.StatusSeeOther {
		t.Errorf("a backup code from before: %d", p.Status)
	}
}
