package harness

import (
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/need"
)

// PHP runs PHP's own server with a script, and returns its host and port once it answers
// at probe. Its workers are processes: a session's lock is a lock between processes.
// settings are of php.ini, NAME=VALUE; env is added to the environment. Without PHP the
// test is skipped, or fails where CI is set.
func PHP(t testing.TB, script, probe string, workers int, settings, env []string) (address string) {
	t.Helper()
	php, err := exec.LookPath("php")
	if err != nil {
		need.Missing(t, "needs php")
	}
	address = "127.0.0.1:" + FreePort(t)
	var args []string
	for _, s := range settings {
		args = append(args, "-d", s)
	}
	cmd := exec.Command(php, append(args, "-S", address, script)...)
	cmd.Env = append(append(os.Environ(), "PHP_CLI_SERVER_WORKERS="+strconv.Itoa(workers)), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		_ = cmd.Wait()
	})
	for tries := 0; ; tries++ {
		if res, err := http.Get("http://" + address + probe); err == nil {
			res.Body.Close()
			return address
		} else if tries == 400 {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond) // another process has no channel
	}
}
