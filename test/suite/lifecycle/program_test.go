//go:build crash

package lifecycle

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
	build "github.com/secondgate/secondgate/test/kit/program"
)

// program is the real one, built once for all tests that kill or question it.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "secondgate-program-")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // others run it too
		return "", err
	}
	file := filepath.Join(dir, "secondgate")
	return file, build.Build(file)
})

func init() {
	atEnd = func() {
		if built {
			file, _ := program()
			os.RemoveAll(filepath.Dir(file))
		}
	}
}

// built says that program was asked for.
var built bool

func command(t testing.TB, dir string, args ...string) *exec.Cmd {
	t.Helper()
	built = true
	file, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(file, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir, "HOME="+dir)
	return cmd
}

// outside is a gateway that runs as a program of its own.
type outside struct {
	base, dir string
	cmd       *exec.Cmd
}

func newOutside(t testing.TB, portal http.Handler, lines string) *outside {
	t.Helper()
	server := httptest.NewServer(portal)
	t.Cleanup(server.Close)
	port := harness.FreePort(t)
	o := &outside{base: "http://127.0.0.1:" + port, dir: t.TempDir()}
	text := strings.NewReplacer("PORTAL", strings.TrimPrefix(server.URL, "http://"), "PORT", port, "DIR", filepath.Join(o.dir, "two_factor"),
		"output file LOG", "output stderr", "level DEBUG", "level INFO").Replace(whole(badger, site("PORT", lines)))
	write(t, filepath.Join(o.dir, "Caddyfile"), text)
	t.Cleanup(func() {
		o.kill()
		if t.Failed() {
			raw, _ := os.ReadFile(o.logFile())
			t.Logf("its log:\n%s", raw[max(0, len(raw)-4000):])
		}
	})
	return o
}

func (o *outside) logFile() string { return filepath.Join(o.dir, "caddy.log") }

// start runs the program until it is ready.
func (o *outside) start(t testing.TB) {
	t.Helper()
	o.cmd = command(t, o.dir, "run", "--config", "Caddyfile")
	log, err := os.OpenFile(o.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	o.cmd.Stdout, o.cmd.Stderr = log, log
	if err := o.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		res, err := http.Get(o.base + "/two-factor/health")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(end) {
			t.Fatalf("it does not get ready: %v", err)
		}
	}
}

// kill ends the program as a power failure would.
func (o *outside) kill() {
	if o.cmd == nil {
		return
	}
	_ = o.cmd.Process.Kill()
	_ = o.cmd.Wait()
	o.cmd = nil
}

// TestValidateBesideServer: `validate` opens no store. It works while a server runs, and creates
// nothing if there is no store.
func TestValidateBesideServer(t *testing.T) {
	h := harness.StartWhole(t, &harness.Legacy{}, usual)
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	file := filepath.Join(t.TempDir(), "Caddyfile")
	text := strings.NewReplacer("PORTAL", "127.0.0.1:1", "PORT", harness.FreePort(t), "output file LOG", "output stderr")
	fresh := filepath.Join(filepath.Dir(file), "fresh")
	for _, dir := range []string{h.Dir, fresh} {
		write(t, file, strings.ReplaceAll(text.Replace(usual), "DIR", dir))
		if out, err := command(t, filepath.Dir(file), "validate", "--config", file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", dir, err, out)
		}
	}
	if _, err := os.Stat(fresh); err == nil {
		t.Error("a store was made")
	}
	if !passes(t, b, "alice") {
		t.Error("the running server suffered")
	}
}

// TestReadOnlyDirectory: a read-only store is refused at start, with the remedy.
func TestReadOnlyDirectory(t *testing.T) {
	dir, err := os.MkdirTemp("", "secondgate-readonly-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	file, state := filepath.Join(dir, "Caddyfile"), filepath.Join(dir, "state")
	text := strings.NewReplacer("PORTAL", "127.0.0.1:1", "PORT", harness.FreePort(t), "output file LOG", "output stderr", "DIR", state)
	write(t, file, text.Replace(usual))
	cmd := command(t, dir, "run", "--config", file)
	if os.Geteuid() == 0 { // root may write everywhere
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	for name, mode := range map[string]os.FileMode{file: 0o644, dir: 0o755, state: 0o555} {
		if name == state {
			err = os.MkdirAll(filepath.Join(state, "store"), mode)
		}
		if err == nil {
			err = os.Chmod(name, mode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	timeout := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	defer timeout.Stop()
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "can't be written; give it to the user that the server runs as") || !strings.Contains(string(out), state) {
		t.Errorf("%v: %s", err, out)
	}
}
