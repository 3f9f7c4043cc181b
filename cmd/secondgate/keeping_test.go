//go:build crash

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/badger"
	"github.com/secondgate/secondgate/test/kit/port"
)

// TestKeepingScripts runs the store commands as operators run them. Each file in testdata/keeping
// is one script with a server in the background, commands and their expected output.
//
// A script gets free ports in $PORT and $ADMIN, its Caddyfile, and a private age key in the file
// identity, with the public key in $RECIPIENT. Besides the commands of testscript it can use:
//
//	fill DIR N    creates a store with users user00000 and so on, who have a second factor
//	ready         waits until the server runs
//	newkey FILE   inserts a new master key before those in the file
//	damage FILE HOW OUT  writes FILE to OUT truncated (cut), with a byte changed (flip), or
//	              with extra bytes at its end (more)
func TestKeepingScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/keeping",
		RequireExplicitExec: true,
		Setup:               setUpKeeping,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fill": fillStore, "ready": awaitServer, "newkey": addKey, "damage": damage,
		},
	})
}

func setUpKeeping(env *testscript.Env) error {
	for _, name := range []string{"PORT", "ADMIN"} {
		address, err := port.Free()
		if err != nil {
			return err
		}
		_, number, _ := net.SplitHostPort(address)
		env.Setenv(name, number)
	}
	env.Setenv("GORACE", noSleep)
	for _, name := range []string{"HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"} {
		env.Setenv(name, env.WorkDir)
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	env.Setenv("RECIPIENT", identity.Recipient().String())
	if err := os.WriteFile(filepath.Join(env.WorkDir, "identity"), []byte(identity.String()+"\n"), 0o600); err != nil {
		return err
	}
	text, err := os.ReadFile("testdata/keeping/Caddyfile")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(env.WorkDir, "Caddyfile"), text, 0o600)
}

func awaitServer(ts *testscript.TestScript, _ bool, _ []string) {
	// The admin endpoint knows the configuration a moment after its sites answer.
	url := "http://127.0.0.1:" + ts.Getenv("ADMIN") + "/two_factor/keys/rotate"
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		res, err := http.Get(url)
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(end) {
			ts.Fatalf("the server does not get ready: %v", err)
		}
	}
}

func addKey(ts *testscript.TestScript, _ bool, args []string) {
	file := ts.MkAbs(args[0])
	old, err := os.ReadFile(file)
	ts.Check(err)
	ts.Check(os.WriteFile(file, append([]byte(keys.Generate()), old...), 0o600))
}

func fillStore(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.MkdirAll(dir, 0o700))
	text := keys.Generate()
	ts.Check(os.WriteFile(filepath.Join(dir, "master.key"), []byte(text), 0o600))
	ring, err := keys.Parse(text)
	ts.Check(err)
	st, err := badger.Open(filepath.Join(dir, "store"), badger.Options{})
	ts.Check(err)
	for i := range n {
		ts.Check(fillUser(st, ring, store.UserKey{Realm: "default", ID: fmt.Sprintf("user%05d", i)}))
	}
	ts.Check(st.Close())
}

func fillUser(st store.Store, ring *keys.Ring, key store.UserKey) error {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return st.Update(context.Background(), key, func(tx store.Tx) error {
		return tx.PutUser(store.User{
			Key: key, Name: "Name of " + key.ID, Email: key.ID + "@example.test", FirstSeen: at, EnabledAt: at,
			TOTP: &store.TOTP{
				ID: "totp-" + key.ID, Secret: ring.Seal([]byte("01234567890123456789"), "totp secret", key.Realm, key.ID, "totp-"+key.ID),
				Algorithm: "SHA1", Digits: 6, Period: 30, AddedAt: at, UsedAt: at,
			},
			Backup: &store.BackupSet{Salt: []byte("salt"), Hashes: [][]byte{[]byte("hash")}, Total: 10, AddedAt: at},
		})
	})
}

func damage(ts *testscript.TestScript, _ bool, args []string) {
	raw, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	switch args[1] {
	case "cut":
		raw = raw[:len(raw)-20]
	case "flip":
		raw[len(raw)-20] ^= 1
	case "more":
		raw = append(raw, "more"...)
	default:
		ts.Fatalf("damage in the way %q", args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), raw, 0o600))
}
