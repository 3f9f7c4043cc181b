//go:build browser && portals

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/secondgate/secondgate/templates/templatestest"
	"github.com/secondgate/secondgate/test/kit/port"
)

// gateway is a running secondgate before a portal.
type gateway struct {
	t *testing.T
	// URL is its address, without a slash at the end.
	URL string

	binary, dir string
	command     *exec.Cmd
	ended       chan error
	log         *logBuffer
}

// logBuffer collects the log while the program runs.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// caddyfile has a site on loopback, and leaves nothing in the home directory. Its
// verbs: directory, address, directives of two_factor, portal.
const caddyfile = `{
	admin unix/%[1]s/admin.sock
	persist_config off
	auto_https off
	storage file_system %[1]s/caddy
	two_factor {
		storage badger %[1]s/two_factor
	}
}

http://%[2]s {
	bind 127.0.0.1
	two_factor {
%[3]s
	}
	reverse_proxy %[4]s
}
`

// start starts the binary with these directives of two_factor before the portal.
// When the test ends the gateway is stopped, and a data race in it is an error.
func start(t *testing.T, binary, directives, portal string) *gateway {
	t.Helper()
	g := &gateway{t: t, binary: binary, dir: t.TempDir(), log: new(logBuffer)}
	address := freeAddress(t)
	g.URL = "http://" + address
	text := fmt.Sprintf(caddyfile, g.dir, address, directives, strings.TrimPrefix(portal, "http://"))
	if err := os.WriteFile(filepath.Join(g.dir, "Caddyfile"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	g.run()
	t.Cleanup(func() {
		g.stop(syscall.SIGTERM)
		if strings.Contains(g.log.String(), "DATA RACE") {
			t.Error("the gateway has a data race")
		}
		if t.Failed() {
			t.Logf("the gateway's log:\n%s", g.log)
		}
	})
	return g
}

// run starts the program and waits until it answers.
func (g *gateway) run() {
	g.t.Helper()
	command := exec.Command(g.binary, "run", "--config", filepath.Join(g.dir, "Caddyfile"), "--adapter", "caddyfile")
	command.Stdout, command.Stderr = g.log, g.log
	command.Env = append(os.Environ(), "XDG_DATA_HOME="+g.dir, "XDG_CONFIG_HOME="+g.dir) // each has Caddy's storage of its own
	if err := command.Start(); err != nil {
		g.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	g.command, g.ended = command, ended
	for limit := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if resp, err := http.Get(g.URL + "/two-factor/health"); err == nil {
			resp.Body.Close()
			return
		}
		select {
		case err := <-ended:
			g.t.Fatalf("the gateway ended: %v\n%s", err, g.log)
		default:
		}
		if time.Now().After(limit) {
			g.stop(syscall.SIGKILL)
			g.t.Fatalf("the gateway does not answer\n%s", g.log)
		}
	}
}

// stop ends the program with the signal, or kills it when that takes too long.
func (g *gateway) stop(signal os.Signal) {
	g.t.Helper()
	if g.command == nil {
		return
	}
	_ = g.command.Process.Signal(signal)
	select {
	case <-g.ended:
	case <-time.After(20 * time.Second):
		g.t.Error("the gateway did not stop")
		_ = g.command.Process.Kill()
		<-g.ended
	}
	g.command = nil
}

// keepsQuiet reports an error for every secret that is in the log.
func (g *gateway) keepsQuiet(secrets ...string) {
	g.t.Helper()
	for _, secret := range secrets {
		if holdsSecret(g.log.String(), secret) {
			g.t.Errorf("the log holds the secret %q", secret)
		}
	}
}

// arbitraryDigits matches the log's times and hashes. A code of six digits can be a part of
// them by chance.
var arbitraryDigits = regexp.MustCompile(`"(ts|at|hash|duration)":("[^"]*"|[0-9.e-]+)`)

// holdsSecret reports whether the log contains the secret. A code, which has digits only, must be
// a separate word: longer numbers (ports, directories) contain any six digits by chance.
func holdsSecret(log, secret string) bool {
	if secret == "" {
		return false
	}
	if strings.Trim(secret, "0123456789") != "" {
		return strings.Contains(log, secret)
	}
	alone := regexp.MustCompile(`(^|[^0-9A-Za-z])` + secret + `([^0-9A-Za-z]|$)`)
	return alone.MatchString(arbitraryDigits.ReplaceAllString(log, ""))
}

func TestHoldsSecret(t *testing.T) {
	for log, want := range map[string]bool{
		`{"ts":1796063363.998945,"msg":"a"}`:             false,
		`{"at":"2026-11-30T18:29:21.998945Z","seq":998}`: false,
		`{"hash":"ab998945cd","uri":"/x1998945"}`:        false,
		`{"ts":1.5,"uri":"/login?code=998945"}`:          true,
		`{"ts":1.5,"code":"998945"}`:                     true,
		`{"ts":1.5,"code":998945}`:                       true,
		"998945":                                         true,
	} {
		if got := holdsSecret(log, "998945"); got != want {
			t.Errorf("%s: got %v", log, got)
		}
	}
	if !holdsSecret(`{"hash":"JBSWY3DP"}`, "JBSWY3DP") {
		t.Error("a key is not found")
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := port.Free()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// atOnce is how many tests run at once. Each has a gateway and a browser of its own, and most
// of the time waits for the next code of an authenticator; a real portal has a lock.
const atOnce = "3"

// builds holds the binaries; TestMain removes it.
var builds string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "secondgate-e2e-")
	if err != nil {
		panic(err)
	}
	builds = dir
	// The race detector waits for a second before a process ends.
	err = errors.Join(os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE")), flag.Set("test.parallel", atOnce))
	if err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// plainBinary is the program as everybody builds it.
var plainBinary = sync.OnceValues(func() (string, error) { return build("secondgate") })

// rtlBinary is the program with one more language, which is written from right to
// left: the file is laid over the source tree, since the program itself has no way
// to take one.
var rtlBinary = sync.OnceValues(func() (string, error) {
	files, err := templatestest.Locales()
	if err != nil {
		return "", err
	}
	name := templatestest.RTL + ".json"
	if err := os.CopyFS(builds, files); err != nil {
		return "", err
	}
	tree, err := filepath.Abs(filepath.Join("..", "..", "..", "templates", "locales", name))
	if err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{tree: filepath.Join(builds, name)}})
	if err != nil {
		return "", err
	}
	file := filepath.Join(builds, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		return "", err
	}
	return build("secondgate-rtl", "-overlay", file)
})

// buildFlags are those of every build.
var buildFlags []string

func build(name string, flags ...string) (string, error) {
	binary := filepath.Join(builds, name)
	args := slices.Concat([]string{"build", "-o", binary}, buildFlags, flags, []string{"github.com/secondgate/secondgate/cmd/secondgate"})
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", name, err, out)
	}
	return binary, nil
}

// built returns the binary or ends the test.
func built(t *testing.T, binary func() (string, error)) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
