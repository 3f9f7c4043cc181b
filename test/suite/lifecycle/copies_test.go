//go:build crash

package lifecycle

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// joined are two servers with one storage of Caddy's.
func joined(t *testing.T) (one, two *outside) {
	portal := &harness.Legacy{}
	one, two = newOutside(t, portal, named), newOutside(t, portal, named)
	if err := os.MkdirAll(filepath.Join(one.dir, "caddy"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(one.dir, "caddy"), filepath.Join(two.dir, "caddy")); err != nil {
		t.Fatal(err)
	}
	return one, two
}

// unready waits until the server reports that a copy is in use elsewhere.
func unready(t *testing.T, o *outside) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(300 * time.Millisecond) {
		p := harness.NewBrowser(t, o.base).Get("/two-factor/health/ready")
		if p.Status == http.StatusServiceUnavailable && strings.Contains(p.Body, "another store of its realms is in use elsewhere") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("ready says %d %s", p.Status, p.Body)
		}
	}
}

// refused runs the program until it exits, and fails the test unless it prints that text.
func (o *outside) refused(t *testing.T, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := command(t, o.dir, "run", "--config", "Caddyfile")
	cmd = exec.CommandContext(ctx, cmd.Path, cmd.Args[1:]...)
	cmd.Dir, cmd.Env = o.dir, append(os.Environ(), "XDG_DATA_HOME="+o.dir, "XDG_CONFIG_HOME="+o.dir, "HOME="+o.dir)
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), want) {
		t.Errorf("want a refusal that says %q: %v\n%s", want, err, out[max(0, len(out)-1500):])
	}
}

// enrols lets a user enrol at a separate process, which does not use the tests' clock. Afterwards
// that clock is set back.
func (o *outside) enrols(t *testing.T, user string) {
	t.Helper()
	t.Run(user+" enrols", func(t *testing.T) {
		b := harness.NewBrowser(t, o.base)
		b.SignIn(user)
		b.Enrol()
	})
}

// TestAttack_TwoCopiesOfOneStore: two servers with one Caddy storage run on two copies of one
// store. An enrolment at one is unknown to the other. The server that notices it reports it, and
// neither of them starts again.
func TestAttack_TwoCopiesOfOneStore(t *testing.T) {
	one, two := joined(t)
	one.start(t)
	time.Sleep(6 * time.Second) // the witness is renewed every five
	copyDir(t, filepath.Join(two.dir, "two_factor"), filepath.Join(one.dir, "two_factor"))
	two.start(t)
	one.enrols(t, "alice")
	unready(t, one)
	two.enrols(t, "carol")
	unready(t, two)
	for _, o := range []*outside{one, two} {
		o.kill()
		o.refused(t, "one of two copies of that store")
	}
}

// TestAttack_TwoNewStoresOfOneRealm: two nodes of a new cluster have one storage of Caddy's and
// a store each, and are started before users enrol.
func TestAttack_TwoNewStoresOfOneRealm(t *testing.T) {
	one, two := joined(t)
	one.start(t)
	two.start(t)
	for _, user := range []string{"alice", "bob"} {
		one.enrols(t, user)
	}
	time.Sleep(6 * time.Second) // the witness is renewed every five
	two.enrols(t, "carol")
	unready(t, two)
	two.kill()
	two.refused(t, `which has 1 activated users in realm`)
	one.kill()
	one.start(t)
}
