package lifecycle

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestAttack_FailedLoadKeepsKeys: a reload with a new master key fails for another reason, as a
// port that is taken; the operator takes the key back and restarts.
func TestAttack_FailedLoadKeepsKeys(t *testing.T) {
	for range 6 { // Caddy starts its apps in no order
		taken := harness.FreePort(t)
		dir := t.TempDir()
		file := filepath.Join(dir, "key")
		old := keys.Generate()
		if err := os.WriteFile(file, []byte(old), 0o600); err != nil {
			t.Fatal(err)
		}
		global := badger + "\nkey {file." + file + "}"
		usual := whole(global, site("PORT", named))
		h := harness.StartWhole(t, &harness.Legacy{}, usual)
		b := h.Browser()
		b.SignIn("alice")
		b.Enrol()
		l, err := net.Listen("tcp", "127.0.0.1:"+taken)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(keys.Generate()+"\n"+old), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := h.TryWhole(whole(global, site("PORT", named), "http://127.0.0.1:"+taken+" {\nbind 127.0.0.1\nrespond x\n}\n")); err == nil {
			t.Fatal("it loads")
		}
		l.Close()
		if err := os.WriteFile(file, []byte(old), 0o600); err != nil {
			t.Fatal(err)
		}
		bob := h.Browser()
		bob.SignIn("bob")
		bob.Enrol()
		time.Sleep(1200 * time.Millisecond)
		stop(t)
		if err := h.TryWhole(usual); err != nil {
			t.Fatalf("refused: %v", err)
		}
		asked(t, h.Browser().SignIn("alice"))
		stop(t)
	}
}

// TestAttack_FailedLoadMovesWitness: a reload with another Caddy storage fails. The witness must
// remain in the running configuration's storage.
func TestAttack_FailedLoadMovesWitness(t *testing.T) {
	for range 6 {
		taken := harness.FreePort(t)
		h := harness.StartWhole(t, &harness.Legacy{}, usual)
		b := h.Browser()
		b.SignIn("alice")
		l, err := net.Listen("tcp", "127.0.0.1:"+taken)
		if err != nil {
			t.Fatal(err)
		}
		other := t.TempDir()
		elsewhere := strings.Replace(whole(badger, site("PORT", named), "http://127.0.0.1:"+taken+" {\nbind 127.0.0.1\nrespond x\n}\n"), "admin off", "admin off\nstorage file_system "+other, 1)
		if err := h.TryWhole(elsewhere); err == nil {
			t.Fatal("it loads")
		}
		l.Close()
		b.Enrol()
		time.Sleep(1200 * time.Millisecond)
		stop(t)
		if err := os.RemoveAll(h.Dir); err != nil { // lost
			t.Fatal(err)
		}
		if err := h.TryWhole(usual); err == nil {
			t.Fatal("a lost store is not noticed: the witness went to the storage of a configuration that never ran")
		}
	}
}

// TestAttack_FailedLoadMovesSites: a configuration that never ran does not change the recorded
// places of the realms.
func TestAttack_FailedLoadMovesSites(t *testing.T) {
	other, taken := harness.FreePort(t), harness.FreePort(t)
	both := func(one, two string) string {
		return whole(badger, site("PORT", "realm "+one+"\n"+whoami), site(other, "realm "+two+"\n"+whoami))
	}
	h := harness.StartWhole(t, &harness.Legacy{}, both("shop", "blog"))
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	at(h, other).SignIn("carol")
	l, err := net.Listen("tcp", "127.0.0.1:"+taken)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := h.TryWhole(whole(badger, site(taken, "realm shop\n"+whoami), site(other, "realm blog\n"+whoami))); err == nil {
		t.Fatal("it loads")
	}
	slip(t, h, "", both("blog", "shop"))
}
