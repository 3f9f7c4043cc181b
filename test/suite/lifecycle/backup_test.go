package lifecycle

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/caddyplugin/cli"
	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/store"
	engine "github.com/secondgate/secondgate/internal/store/badger"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// administered is a Caddyfile of a server with an admin endpoint at that port.
func administered(admin, global string, sites ...string) string {
	return overTCP(whole(global, sites...), "127.0.0.1:"+admin)
}

// run runs a subcommand in this process, which the tests' clock counts in.
func run(t testing.TB, args ...string) (string, error) {
	t.Helper()
	for _, c := range cli.Commands() {
		if c.Name != args[0] {
			continue
		}
		var out bytes.Buffer
		cmd := &cobra.Command{Use: c.Name, SilenceErrors: true, SilenceUsage: true}
		c.CobraFunc(cmd)
		cmd.SetArgs(args[1:])
		cmd.SetOut(&out)
		cmd.SetErr(&out)
		cmd.SetContext(t.Context())
		err := cmd.Execute()
		return out.String(), err
	}
	t.Fatalf("there is no command %s", args[0])
	return "", nil
}

func must(t testing.TB, args ...string) string {
	t.Helper()
	out, err := run(t, args...)
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return out
}

// keeper is a harness that backs its store up.
type keeper struct {
	*harness.Harness
	t                      testing.TB
	caddyfile              string
	admin, identity, owner string
}

func newKeeper(t testing.TB, global string) *keeper {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	k := &keeper{t: t, admin: "127.0.0.1:" + harness.FreePort(t), identity: filepath.Join(t.TempDir(), "identity"), owner: key.Recipient().String()}
	write(t, k.identity, key.String()+"\n")
	k.caddyfile = administered(strings.TrimPrefix(k.admin, "127.0.0.1:"), global, site("PORT", named))
	k.Harness = harness.StartWhole(t, &harness.Legacy{}, k.caddyfile)
	return k
}

// backup makes one of the running server.
func (k *keeper) backup() string {
	k.t.Helper()
	file := filepath.Join(k.t.TempDir(), "backup.age")
	must(k.t, "backup", file, "--recipient", k.owner, "--address", k.admin)
	return file
}

// restore stops the server, restores its store from the file, and starts it again.
func (k *keeper) restore(file string, more ...string) string {
	k.t.Helper()
	stop(k.t)
	if err := os.RemoveAll(filepath.Join(k.Dir, "store")); err != nil {
		k.t.Fatal(err)
	}
	out := must(k.t, append([]string{"restore", file, "--dir", k.Dir, "--identity", k.identity}, more...)...)
	reload(k.t, k.Harness, k.caddyfile)
	return out
}

// TestRestore_NothingSpentCountsAgain: after a backup codes are spent and sessions are begun. Once
// the backup is restored none of these codes and sessions opens anything.
func TestRestore_NothingSpentCountsAgain(t *testing.T) {
	k := newKeeper(t, badger)
	open := k.Browser()
	open.SignIn("alice")
	device := open.Enrol()
	begun := k.Browser()
	begun.SignIn("carol")
	setup := begun.Get("/two-factor/setup")
	file := k.backup()

	spent := device.Code(t)
	cleared := k.Browser()
	asked(t, cleared.SignIn("alice"))
	accepted(t, cleared.Pass(spent))
	codes := device.Backup
	accepted(t, owing(t, k.Harness).Pass(codes[0]))
	k.restore(file)

	for what, b := range map[string]*harness.Browser{"the session in the backup": open, "a session since": cleared} {
		if passes(t, b, "alice") {
			t.Errorf("%s is still cleared", what)
		}
	}
	for what, code := range map[string]string{"a code used since": spent, "a backup code used since": codes[0], "an unused backup code": codes[1]} {
		b := owing(t, k.Harness)
		if p := b.Pass(code); p.Status != http.StatusUnprocessableEntity || passes(t, b, "alice") {
			t.Errorf("%s: %d %q", what, p.Status, p.Location)
		}
	}
	if passes(t, begun, "carol") {
		t.Error("a session of before, of a user without a second factor, is still signed in")
	}
	begun.SignIn("carol")
	if p := confirm(t, begun, setup.Body); p.Status != http.StatusSeeOther || p.Location == "/two-factor/backup-codes" {
		t.Errorf("a set-up that was begun before the restore: %d %q", p.Status, p.Location)
	}
	fresh := begun.Get("/two-factor/setup")
	if p := confirm(t, begun, fresh.Body); p.Location != "/two-factor/backup-codes" {
		t.Errorf("a set-up since: %d %q", p.Status, p.Location)
	}
	// The step after the present one may have been accepted early; the next one counts.
	t.Cleanup(clock.Move(30 * time.Second))
	b := owing(t, k.Harness)
	accepted(t, b.Pass(device.Code(t)))
	if page := b.Get("/two-factor/").Body; !strings.Contains(page, "No backup codes are left") {
		t.Errorf("the settings page does not tell that there are no backup codes:\n%.3000s", page)
	}
}

// confirm confirms the set-up of that page.
func confirm(t testing.TB, b *harness.Browser, page string) *harness.Page {
	t.Helper()
	body := html.UnescapeString(page)
	secret, setup := secretPattern.FindStringSubmatch(body), setupPattern.FindStringSubmatch(body)
	if secret == nil || setup == nil {
		t.Fatalf("no set-up page: %.600s", page)
	}
	device := harness.Device{Secret: secret[1]}
	return b.Post("/two-factor/setup", url.Values{"setup": {setup[1]}, "code": {device.CodeNow(t)}})
}

// TestRestore_KeepBackupCodes: on demand those of the backup count, with a warning.
func TestRestore_KeepBackupCodes(t *testing.T) {
	k := newKeeper(t, badger)
	b := k.Browser()
	b.SignIn("alice")
	device := b.Enrol()
	file := k.backup()
	accepted(t, owing(t, k.Harness).Pass(device.Backup[0]))
	out := k.restore(file, "--keep-backup-codes")
	if !strings.Contains(out, "WARNING: backup codes that were used since the backup was made are valid again.") {
		t.Errorf("no warning: %s", out)
	}
	accepted(t, owing(t, k.Harness).Pass(device.Backup[0]))
	if p := owing(t, k.Harness).Pass(device.Backup[0]); p.Status != http.StatusUnprocessableEntity {
		t.Errorf("and once only: %d", p.Status)
	}
}

// TestRestore_AuditLog: the chain continues after the backup's last entry, with an entry about the
// restore.
func TestRestore_AuditLog(t *testing.T) {
	k := newKeeper(t, badger)
	b := k.Browser()
	b.SignIn("alice")
	b.Enrol()
	k.restore(k.backup())
	out := must(t, "audit", "verify", "--address", k.admin)
	list := must(t, "audit", "list", "--address", k.admin)
	for _, kind := range []string{store.EventEnrolled, store.EventRestored} {
		if !strings.Contains(list, kind) {
			t.Errorf("no event %s in\n%s\n%s", kind, list, out)
		}
	}
}

// TestBackup_ClientGoes: a client that stops reading does not block the next backup, and a client
// that keeps the connection open does not keep the server from ending.
func TestBackup_ClientGoes(t *testing.T) {
	k := newKeeper(t, badger)
	fillMeta(t, k.Dir, func() { stop(t) }, func() { reload(t, k.Harness, k.caddyfile) })
	order := fmt.Sprintf(`{"recipients": [%q]}`, k.owner)
	begin := func(ctx context.Context) *http.Response {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+k.admin+"/two_factor/backup", strings.NewReader(order))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(res.Body, make([]byte, 1000)); err != nil {
			t.Fatalf("%d: %v", res.StatusCode, err)
		}
		return res
	}
	ctx, leave := context.WithCancel(t.Context())
	begin(ctx)
	if out, err := run(t, "backup", filepath.Join(t.TempDir(), "second.age"), "--recipient", k.owner, "--address", k.admin); err == nil || !strings.Contains(err.Error(), "a backup is being made already") {
		t.Errorf("beside another: %v, %s", err, out)
	}
	leave()
	file := filepath.Join(t.TempDir(), "next.age")
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := run(t, "backup", file, "--recipient", k.owner, "--address", k.admin); err == nil {
			break
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	if !strings.Contains(k.LogText(), "a backup could not be made") {
		t.Error("the log does not say that a backup broke off")
	}
	if n := strings.Count(k.LogText(), `"msg":"a backup was made"`); n != 1 {
		t.Errorf("%d backups are said to be made, want one", n)
	}
	// One who holds the line and reads nothing.
	res := begin(t.Context())
	defer res.Body.Close()
	begun := time.Now()
	stop(t)
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("the server took %v to end", took)
	}
	if _, err := io.Copy(io.Discard, res.Body); err == nil {
		t.Error("what was cut off looks like a whole backup")
	}
}

// fillMeta puts more into the store than the buffers between server and client hold.
func fillMeta(t testing.TB, dir string, before, after func()) {
	t.Helper()
	before()
	d, err := engine.Open(filepath.Join(dir, "store"), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		err := d.UpdateMeta(t.Context(), fmt.Sprint("filler ", i), func([]byte) ([]byte, error) { return make([]byte, 900<<10), nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	after()
}

// TestBackup_DiskFull: without disk space no backup file remains, and the server continues.
func TestBackup_DiskFull(t *testing.T) {
	k := newKeeper(t, badger)
	b := k.Browser()
	b.SignIn("alice")
	b.Enrol()
	dir := smallDisk(t)
	free := fillDisk(t, dir)
	file := filepath.Join(dir, "backup.age")
	if out, err := run(t, "backup", file, "--recipient", k.owner, "--address", k.admin); err == nil || !strings.Contains(err.Error(), "no backup was made") || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("%v, %s", err, out)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if !passes(t, b, "alice") {
		t.Error("the server suffered")
	}
	free()
	must(t, "backup", file, "--recipient", k.owner, "--address", k.admin)
	// A restore needs room, too.
	full := fillDisk(t, dir)
	into := filepath.Join(dir, "into")
	_, err := run(t, "restore", file, "--dir", into, "--key-file", filepath.Join(k.Dir, "master.key"), "--identity", k.identity)
	if err == nil || !strings.Contains(err.Error(), "are free for the store") && !strings.Contains(err.Error(), "no space left") {
		t.Errorf("restoring without room: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(into, "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	full()
}

// TestBackup_WhileUsersWork: a backup that is made under load restores to whole users.
func TestBackup_WhileUsersWork(t *testing.T) {
	k := newKeeper(t, badger)
	ctx, end := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i++ {
			c := &customer{t: t, base: k.URL, name: fmt.Sprint("user-", i)}
			if err := c.enrol(); err != nil {
				t.Errorf("%s: %v", c.name, err)
				return
			}
		}
	}()
	var files []string
	for range 5 {
		files = append(files, k.backup())
	}
	end()
	<-done
	stop(t)
	for _, file := range files {
		dir := t.TempDir()
		must(t, "restore", file, "--dir", dir, "--key-file", filepath.Join(k.Dir, "master.key"), "--identity", k.identity, "--keep-backup-codes")
		d, err := engine.Open(filepath.Join(dir, "store"), engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		page, err := d.Everyone(t.Context(), "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range page.Users {
			if (u.TOTP == nil) != (u.Backup == nil) || u.TOTP != nil && u.EnabledAt.IsZero() {
				t.Errorf("half a user: %+v", u)
			}
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
