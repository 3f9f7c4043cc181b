//go:build crash

package operations

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
	"github.com/secondgate/secondgate/test/kit/program"
)

// TestSocket: systemd hands the ports over in the order that secondgate.socket lists them,
// and the page's Caddyfile serves at them.
func TestSocket(t *testing.T) {
	activate, err := exec.LookPath("systemd-socket-activate")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("systemd-socket-activate is not there: Debian has it in the package systemd")
		}
		t.Skip("systemd-socket-activate is not there")
	}
	unit, err := os.ReadFile("../../../docs/systemd/secondgate.socket")
	if err != nil {
		t.Fatal(err)
	}
	if _, ports, _ := strings.Cut(string(unit), "ListenStream=443\n"); !strings.HasPrefix(ports, "ListenStream=80\n") {
		t.Fatalf("the sockets are others than the page's fd/3 and fd/4:\n%s", unit)
	}
	page, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "### Restarts without refused connections")
	_, text, _ = strings.Cut(text, "```caddyfile\n")
	text, _, _ = strings.Cut(text, "```")
	dir, ports := t.TempDir(), [2]string{harness.FreePort(t), harness.FreePort(t)}
	text = strings.Replace(text, "{\n", "{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\ttwo_factor {\n\t\tstorage badger "+filepath.Join(dir, "store")+"\n\t}\n", 1)
	if err := os.WriteFile(filepath.Join(dir, "Caddyfile"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "secondgate")
	if err := program.Build(binary); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(activate, "-E", "XDG_DATA_HOME", "-E", "XDG_CONFIG_HOME", "-l", "127.0.0.1:"+ports[0], "-l", "127.0.0.1:"+ports[1],
		binary, "run", "--config", filepath.Join(dir, "Caddyfile"))
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("it said:\n%.4000s", said.String())
		}
	})
	client := &http.Client{Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		r, _ := http.NewRequest(http.MethodGet, "http://127.0.0.1:"+ports[1]+"/two-factor/health", nil)
		r.Host = "portal.example.com"
		res, err := client.Do(r)
		if err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if to := res.Header.Get("Location"); res.StatusCode == http.StatusPermanentRedirect && to == "https://portal.example.com/two-factor/health" {
				break
			}
			t.Fatalf("at the second port: %d, %v", res.StatusCode, res.Header)
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	health(t, ports[0])
}

// health asks over TLS at the first port.
func health(t *testing.T, port string) {
	t.Helper()
	out, err := exec.Command("curl", "-sk", "--retry", "20", "--retry-all-errors", "--retry-delay", "1", "--resolve", "portal.example.com:"+port+":127.0.0.1",
		"https://portal.example.com:"+port+"/two-factor/health").CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"status":"ok"`) {
		t.Errorf("at the first port: %v %s", err, out)
	}
}
