//go:build crash

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/badger"
	"github.com/secondgate/secondgate/internal/throttle"
	"github.com/secondgate/secondgate/test/kit/port"
)

// noSleep spares each process of a test with the race detector the second that it waits for
// at its end.
const noSleep = "atexit_sleep_ms=0"

func TestMain(m *testing.M) {
	factor.CheapHashes() // dozens of processes make stores of their own
	testscript.Main(m, map[string]func(){"secondgate": main})
}

// TestScripts runs the commands as an operator types them, some of them against a running server
// with a few users in its store. In a script $ADMIN is the server's admin endpoint, a Unix socket,
// and `serving` waits until it answers; `exits N PROGRAM ARG…` runs a program that must exit with
// status N. $DEMO is a port for a demo, and `welcome` waits until the demo serves.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, Setup: setUp,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serving": serving, "examples": examples, "exits": exits, "welcome": welcome,
		},
	})
}

const scriptCaddyfile = `{
	admin %s|0600
	http_port %s
	auto_https off
	persist_config off
	log {
		output file {$WORK}/server.log
	}
	two_factor {
		storage badger {$WORK}/two_factor
	}
}
http://127.0.0.1:%[2]s {
	bind 127.0.0.1
	two_factor {
		whoami /me {
			anonymous status 401
			user json id
		}
	}
	reverse_proxy 127.0.0.1:1
}
`

func setUp(env *testscript.Env) error {
	admin := "unix/" + filepath.Join(env.WorkDir, "admin.sock")
	site, err := loopback()
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(site)
	if err != nil {
		return err
	}
	demo, err := threePorts()
	if err != nil {
		return err
	}
	env.Setenv("ADMIN", admin)
	env.Setenv("GORACE", noSleep)
	env.Setenv("DEMO", strconv.Itoa(demo))
	env.Setenv("HOME", env.WorkDir)
	text := fmt.Sprintf(scriptCaddyfile, admin, port)
	return errors.Join(os.WriteFile(filepath.Join(env.WorkDir, "Caddyfile"), []byte(text), 0o600),
		fill(filepath.Join(env.WorkDir, "two_factor")))
}

func loopback() (string, error) {
	return port.Free()
}

// fill makes a store with a key and three users: 1001 with a factor, two sessions and
// wrong codes; 1002 with none; one with an awkward id.
func fill(dir string) (err error) {
	text := keys.Generate()
	ring, err := keys.Parse(text)
	if err != nil {
		return err
	}
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "master.key"), []byte(text), 0o600)); err != nil {
		return err
	}
	db, err := badger.Open(filepath.Join(dir, "store"), badger.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	policy := throttle.Policy{Free: 5, Wait: time.Minute, Max: time.Hour, Stop: 100}
	s := factor.New(db, ring, "default", factor.Settings{
		Digits: 6, Period: 30 * time.Second, Algorithm: factor.SHA1, Skew: 1, BackupCodes: 2, Throttle: policy,
	}, throttle.NewAddresses(policy, time.Now))
	return errors.Join(
		person(db, s, "1001", "Matti Meikäläinen", true), person(db, s, "1002", "Maija Meikäläinen", false),
		person(db, s, "10/03 ä&x", "Antti\x1b[31m", true))
}

func person(db *badger.DB, s *factor.Service, id, name string, enrolled bool) error {
	ctx, key := context.Background(), store.UserKey{Realm: "default", ID: id}
	err := db.Update(ctx, key, func(tx store.Tx) error {
		return tx.PutUser(store.User{Key: key, Name: name, Email: strings.Fields(name)[0] + "@example.org", FirstSeen: time.Now()})
	})
	if err != nil || !enrolled {
		return err
	}
	e, err := s.Begin("")
	if err != nil {
		return err
	}
	code, err := totp.GenerateCode(e.SecretText(), time.Now())
	if err != nil {
		return err
	}
	if _, err := s.Confirm(ctx, factor.Attempt{User: id, Code: code}, e, store.VisitID{}, nil); err != nil {
		return err
	}
	return db.Update(ctx, key, func(tx store.Tx) error {
		u, err := tx.User()
		if err != nil {
			return err
		}
		u.Failures = map[string]store.Failures{factor.KindTOTP: {Count: 7, Until: time.Now().Add(30 * time.Minute)}}
		for i := range 2 {
			v := store.Visit{Realm: "default", ID: store.VisitID{id[1], id[len(id)-1], byte(i)}, User: id, Factor: "totp",
				At: time.Now(), LastSeen: time.Now(), Expires: time.Now().Add(time.Hour), Address: "192.0.2.7", Agent: "Firefox"}
			if err := tx.PutVisit(v); err != nil {
				return err
			}
		}
		return tx.PutUser(u)
	})
}

// serving waits until the server's admin endpoint answers for its configuration.
func serving(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: serving")
	}
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", strings.TrimPrefix(ts.Getenv("ADMIN"), "unix/"))
	}}}
	defer client.CloseIdleConnections()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		res, err := client.Get("http://localhost/two_factor/status")
		if err != nil {
			continue
		}
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return
		}
	}
	ts.Fatalf("the server never answered; its log: %s", ts.ReadFile("server.log"))
}

// threePorts is the first of three ports that are free.
func threePorts() (int, error) {
	for range 100 {
		address, err := loopback()
		if err != nil {
			return 0, err
		}
		_, text, err := net.SplitHostPort(address)
		if err != nil {
			return 0, err
		}
		port, err := strconv.Atoi(text)
		if err == nil && port <= 65533 && demoAt("", port).portsFree() == nil {
			return port, nil
		}
	}
	return 0, errors.New("no three free ports")
}

// exits runs a program that has to end with a status.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM [ARG]...")
	}
	status := 0
	err := ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		status = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("%s ended with status %d, want %s", strings.Join(args[1:], " "), status, args[0])
	}
}

// welcome waits until the demo at $DEMO serves.
func welcome(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: welcome")
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		res, err := http.Get("http://localhost:" + ts.Getenv("DEMO") + "/")
		if err == nil {
			res.Body.Close()
			return
		}
	}
	ts.Fatalf("the demo never answered")
}
