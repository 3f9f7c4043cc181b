//go:build crash

package soaking

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
	kit "github.com/secondgate/secondgate/test/kit/program"
)

// program is the real secondgate as a process of its own.
type program struct {
	t                 testing.TB
	base, admin, dir  string
	binary, caddyfile string
	cmd               *exec.Cmd
	// calls are to the admin endpoint only, each on a connection of its own.
	calls http.Client
}

// caddyfile gives customers addresses of their own and sets no wait after a wrong code, so that a
// code is refused only because it is wrong. Unused connections end soon, so that leaked ones show.
const caddyfile = `{
	admin %s
	persist_config off
	auto_https off
	log {
		level ERROR
	}
	servers {
		trusted_proxies static 127.0.0.1/32
	}
	two_factor {
		storage badger %s
		admin_api tcp
	}
}
%s {
	bind 127.0.0.1
	two_factor {
		realm soak
		whoami /me {
			anonymous status 401
			user json user
		}
		sign_in /login
		sign_out /logout
		backup_codes 4
		throttle {
			free 20
			stop 100
			address 100000/1m
		}
	}
	reverse_proxy %s {
		transport http {
			keepalive 3s
		}
	}
}
`

// build makes the program once for all tests.
var build = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "secondgate-soak-"); err != nil {
		return "", err
	}
	built = dir
	return dir, kit.Build(filepath.Join(dir, "secondgate"))
})

// built is the directory that build made, if any.
var built string

func TestMain(m *testing.M) {
	status := m.Run()
	if built != "" {
		os.RemoveAll(built)
	}
	os.Exit(status)
}

func newProgram(t testing.TB, portalURL string) *program {
	t.Helper()
	made, err := build()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p := &program{
		t: t, dir: dir, binary: filepath.Join(made, "secondgate"),
		base: "http://127.0.0.1:" + harness.FreePort(t), admin: "127.0.0.1:" + harness.FreePort(t),
		calls: http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}},
	}
	p.caddyfile = fmt.Sprintf(caddyfile, p.admin, filepath.Join(dir, "two_factor"), p.base, strings.TrimPrefix(portalURL, "http://"))
	if err := os.WriteFile(filepath.Join(dir, "Caddyfile"), []byte(p.caddyfile), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	return p
}

func (p *program) storeDir() string { return filepath.Join(p.dir, "two_factor", "store") }
func (p *program) logFile() string  { return filepath.Join(p.dir, "caddy.log") }

// start runs the program until it answers.
func (p *program) start() {
	p.t.Helper()
	p.cmd = exec.Command(p.binary, "run", "--config", "Caddyfile")
	p.cmd.Dir = p.dir
	p.cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+p.dir, "XDG_CONFIG_HOME="+p.dir, "HOME="+p.dir)
	log, err := os.OpenFile(p.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	defer log.Close()
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		res, err := p.calls.Get(p.base + "/two-factor/help")
		if err == nil {
			res.Body.Close()
			return
		}
		if time.Now().After(end) {
			p.t.Fatalf("it does not get ready: %v\n%s", err, p.log())
		}
	}
}

// stop ends the program as an operator does, and so closes its store.
func (p *program) stop() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(time.Minute, func() {
		p.t.Error("it did not end within a minute")
		_ = p.cmd.Process.Kill()
	})
	_ = p.cmd.Wait()
	late.Stop()
	p.cmd = nil
}

// log is what it has logged: errors only.
func (p *program) log() string {
	raw, err := os.ReadFile(p.logFile())
	if err != nil {
		p.t.Error(err)
	}
	return string(raw[max(0, len(raw)-4000):])
}

// checkLog looks for errors. (Caddy's reverse_proxy writes lines of its own where a
// WebSocket's client went away.)
func (p *program) checkLog() {
	p.t.Helper()
	raw, err := os.ReadFile(p.logFile())
	for _, sign := range []string{`"level":"error"`, `"level":"fatal"`, "panic", "goroutine "} {
		if err != nil || strings.Contains(string(raw), sign) {
			p.t.Errorf("errors in the log (%v):\n%s", err, p.log())
			return
		}
	}
}

// reload loads the same configuration again, so that everything in it is constructed again. It
// also replaces the admin endpoint's own listener, and may cut the connection.
func (p *program) reload() (err error) {
	for range 10 {
		if err = p.reloadOnce(); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
			return err
		}
	}
	return err
}

func (p *program) reloadOnce() error {
	r, err := http.NewRequest(http.MethodPost, "http://"+p.admin+"/load", strings.NewReader(p.caddyfile))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "text/caddyfile")
	r.Header.Set("Cache-Control", "must-revalidate") // or an equal one would be left alone
	res, err := p.calls.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", res.Status, body)
	}
	return nil
}

// ask reads a page of the admin endpoint.
func (p *program) ask(path string) (body string, err error) {
	for range 10 {
		if body, err = p.askOnce(path); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
			return body, err
		}
	}
	return body, err
}

func (p *program) askOnce(path string) (string, error) {
	res, err := p.calls.Get("http://" + p.admin + path)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}
