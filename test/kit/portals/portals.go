// Package portals starts real portals, from Debian's packages and from npm, for tests. The shell
// scripts in this directory start them and can be run by hand.
//
// A portal belongs to one test at a time, over all test processes of this machine, and stops when
// that test ends. All portals listen on loopback.
package portals

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/need"
)

// User is a user of a portal. The passwords are public.
type User struct {
	Name, Email, Password string
}

// Portal is a running portal.
type Portal struct {
	// URL is its address, without a slash at the end.
	URL string
	// Alice and Bob are plain customers, Admin is the portal's administrator.
	Alice, Bob, Admin User
}

// upTime is long enough to install the packages on a clean machine.
const upTime = 10 * time.Minute

// WordPress starts WordPress with MariaDB and PHP, stopped when the test ends. The
// test is skipped without root, but fails on a CI machine.
func WordPress(t testing.TB) *Portal {
	t.Helper()
	return start(t, "wordpress", 18101, "wpadmin")
}

// DokuWiki starts DokuWiki, as WordPress does.
func DokuWiki(t testing.TB) *Portal {
	t.Helper()
	return start(t, "dokuwiki", 18104, "wikiadmin")
}

// NodeRED starts Node-RED, as WordPress does. Bob may only read there.
func NodeRED(t testing.TB) *Portal {
	t.Helper()
	return start(t, "nodered", 18108, "redadmin")
}

// PhpMyAdmin starts phpMyAdmin with MariaDB, as WordPress does. Its users are accounts of
// the database.
func PhpMyAdmin(t testing.TB) *Portal {
	t.Helper()
	return start(t, "phpmyadmin", 18103, "dbadmin")
}

func start(t testing.TB, name string, port int, admin string) *Portal {
	t.Helper()
	if os.Geteuid() != 0 {
		need.Missing(t, name+" needs root to be installed and started")
	}
	script := filepath.Join(need.Root(t), "test", "kit", "portals", name+".sh")
	hold(t, name)
	t.Cleanup(func() {
		if out, err := run(script, "down"); err != nil {
			t.Errorf("stopping %s: %v\n%s", name, err, out)
		}
	})
	if out, err := run(script, "up"); err != nil {
		t.Fatalf("starting %s: %v\n%s", name, err, out)
	}
	return &Portal{
		URL:   fmt.Sprintf("http://127.0.0.1:%d", port),
		Alice: User{"alice", "alice@example.test", "Correct-Horse-1"},
		Bob:   User{"bob", "bob@example.test", "Battery-Staple-2"},
		Admin: User{admin, admin + "@example.test", "Admin-Clip-3"},
	}
}

// hold waits until no other test process has the portal, and keeps it.
func hold(t testing.TB, name string) {
	t.Helper()
	// Not in the temporary directory, since a portal's port is the whole machine's.
	lock, err := os.OpenFile("/tmp/secondgate-"+name+".lock", os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		t.Fatalf("lock of %s: %v", name, err)
	}
	t.Cleanup(func() { _ = lock.Close() })
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatalf("lock of %s: %v", name, err)
	}
}

func run(script, verb string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), upTime)
	defer cancel()
	return exec.CommandContext(ctx, script, verb).CombinedOutput()
}
