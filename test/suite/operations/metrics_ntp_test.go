//go:build crash

package operations

import (
	"bytes"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/timesource"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// freeUDP returns a UDP port on loopback that is free at the moment.
func freeUDP(t testing.TB) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, port, err := net.SplitHostPort(c.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// chrony runs a real NTP server with a clock that is that many seconds ahead. It returns the
// server's address and a function that ends it.
func chrony(t testing.TB, port string, ahead int) (address string, stop func()) {
	t.Helper()
	chronyd, faketime := installed(t, "chronyd"), installed(t, "faketime")
	dir := t.TempDir()
	conf := filepath.Join(dir, "chrony.conf")
	text := fmt.Sprintf("port %s\nbindaddress 127.0.0.1\ncmdport 0\nbindcmdaddress /\nlocal stratum 3\nallow 127.0.0.0/8\npidfile %s/pid\n", port, dir)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// -x never sets a clock, -U needs no root, -d stays in the foreground.
	cmd := exec.Command(faketime, "-f", fmt.Sprintf("%+ds", ahead), chronyd, "-x", "-U", "-d", "-f", conf)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	stop = func() {
		if !ended {
			ended = true
			endChrony(cmd, filepath.Join(dir, "pid"))
		}
	}
	t.Cleanup(stop)
	address = "127.0.0.1:" + port
	for end := time.Now().Add(15 * time.Second); ; {
		if _, err := timesource.Compare(t.Context(), address); err == nil {
			return address, stop
		}
		if time.Now().After(end) {
			stop()
			t.Fatalf("chronyd does not answer:\n%s", out.String())
		}
	}
}

// endChrony ends chronyd, so that faketime ends by itself and removes its semaphore: one that
// is left makes a later faketime with the same process id fail.
func endChrony(cmd *exec.Cmd, pidFile string) {
	late := time.AfterFunc(5*time.Second, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer late.Stop()
	var pid int
	if text, err := os.ReadFile(pidFile); err == nil {
		_, _ = fmt.Sscan(string(text), &pid)
	}
	if pid <= 1 || syscall.Kill(pid, syscall.SIGTERM) != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	_ = cmd.Wait()
}

// TestNTP: against a real server, an honest clock is honest, one that is 5 s off is
// warned of, and one that is 20 s off makes the server not ready until it is right.
func TestNTP(t *testing.T) {
	port := freeUDP(t)
	address, stop := chrony(t, port, 0)
	if r, err := timesource.Compare(t.Context(), address); err != nil || r.Offset.Abs() > time.Second {
		t.Fatalf("an honest clock: %+v, %v", r, err)
	}
	w := start(t, &harness.Legacy{}, badger+"\nntp "+address)
	await(t, "the clock is compared", func() bool { return w.scrape(t)["clock_source_up"] == 1 })
	if s := w.scrape(t); math.Abs(s["clock_offset_seconds"]) > 1 {
		t.Errorf("offset %v", s["clock_offset_seconds"])
	}
	ready(t, w, http.StatusOK, `"clock":"ok"`)
	stop()

	for _, tt := range []struct {
		ahead  int
		log    string
		status int
		text   string
	}{
		{-5, "the server's clock is off", http.StatusOK, `"clock":"ok"`},
		{20, "the server's clock is wrong", http.StatusServiceUnavailable, `"clock":"off by more than 15 s"`},
	} {
		// The port differs, because the next query of the same source would follow only after an
		// hour.
		address, stop := chrony(t, freeUDP(t), tt.ahead)
		w.reload(t, badger+"\nntp "+address, legacy)
		await(t, "the offset is seen", func() bool {
			return math.Abs(w.scrape(t)["clock_offset_seconds"]+float64(tt.ahead)) < 1
		})
		if !strings.Contains(w.LogText(), tt.log) {
			t.Errorf("%d s ahead: the log does not say %q", tt.ahead, tt.log)
		}
		ready(t, w, tt.status, tt.text)
		stop()
	}
	if p := w.Browser().Get("/two-factor/health"); p.Status != http.StatusOK {
		t.Errorf("/health knows of the clock: %d", p.Status)
	}
	b := w.Browser()
	b.SignIn("alice")
	b.Enrol() // "not ready" is for load balancers; no request is refused
	w.reload(t, badger, legacy)
	await(t, "nobody compares any more", func() bool {
		_, there := w.scrape(t)["clock_source_up"]
		return !there
	})
	ready(t, w, http.StatusOK, `"clock":"ok"`)
}
