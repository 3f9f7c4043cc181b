//go:build crash

package gateway_test

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/gateway/spool"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/badger"
)

// TestAttack_UploadsFillTheStoresDisk: uploads of an own account, which are kept until they are
// complete, leave the store the room that it needs to accept codes: the store's directory and the one
// for temporary files are on one disk, as with the unit's PrivateTmp.
func TestAttack_UploadsFillTheStoresDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=160m,mode=700"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("mounting a small file system, with CI set: %v", err)
		}
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	if err := os.Mkdir(dir+"/tmp", 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", dir+"/tmp")
	st, err := badger.Open(dir+"/store", badger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	key := store.UserKey{Realm: "shop", ID: "alice"}
	write := func() error {
		return st.Update(t.Context(), key, func(tx store.Tx) error { return tx.PutUser(store.User{Key: key, FirstSeen: time.Now()}) })
	}
	if err := write(); err != nil {
		t.Fatal(err)
	}
	// What request.ReadBody does with an upload of a user who may pass.
	upload := spool.New(4<<30, gateway.NewVisits(st, time.Now).Uploads, "192.0.2.66")
	t.Cleanup(func() { upload.Close() })
	sent := 0
	for chunk := make([]byte, 1<<20); ; sent++ {
		if _, err := upload.Write(chunk); err != nil {
			t.Logf("the upload ends after %d MiB: %v", sent, err)
			break
		}
	}
	if err := write(); err != nil {
		t.Errorf("the store does not accept a code any more: %v", err)
	}
}
