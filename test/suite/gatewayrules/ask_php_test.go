//go:build portals

package gatewayrules

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// fpm starts PHP's FastCGI server for the directory and returns its socket. The test
// is skipped without root, but fails on a CI machine.
func fpm(t *testing.T, dir string) string {
	t.Helper()
	programs, _ := filepath.Glob("/usr/sbin/php-fpm*")
	if len(programs) == 0 || os.Getuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("needs root and Debian's php-fpm, and CI is set")
		}
		t.Skip("SKIPPED: needs root and Debian's php-fpm")
	}
	socket := filepath.Join(dir, "fpm.sock")
	conf := filepath.Join(dir, "fpm.conf")
	err := os.WriteFile(conf, fmt.Appendf(nil, `[global]
error_log = %s/fpm.log
[www]
user = root
listen = %s
pm = static
pm.max_children = 4
php_admin_value[session.save_path] = %s
php_admin_value[session.use_cookies] = 1
`, dir, socket, dir), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(programs[0], "--nodaemonize", "--allow-to-run-as-root", "--fpm-config", conf)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	for range 100 {
		if _, err := os.Stat(socket); err == nil {
			return socket
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("php-fpm did not start")
	return ""
}

const phpPortal = `<?php
session_start();
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if ($path === '/me.php') {
	header('Content-Type: application/json');
	if (!isset($_SESSION['user'])) { http_response_code(401); echo '{}'; exit; }
	echo json_encode(['user' => $_SESSION['user'], 'method' => $_SERVER['REQUEST_METHOD'], 'body' => file_get_contents('php://input')]);
	exit;
}
if (isset($_POST['user']) && $_POST['password'] === 'pw-' . $_POST['user']) {
	$_SESSION['user'] = $_POST['user'];
	header('Location: /index.php?account');
	exit;
}
echo isset($_SESSION['user']) ? 'secret of ' . $_SESSION['user'] : 'stranger';
`

// TestAsk_PHPFastCGI: whoami works through php_fastcgi, where a script keeps its session's lock
// until its output is read.
func TestAsk_PHPFastCGI(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"index.php", "me.php"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(phpPortal), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := harness.StartSite(t, nil, fmt.Sprintf(`root %s
	two_factor {
		whoami /me.php {
			anonymous status 401
			user json user
		}
	}
	php_fastcgi unix/%s`, dir, fpm(t, dir)))
	form := map[string][]string{"user": {"alice"}, "password": {"pw-alice"}}
	b := h.Browser()
	if p := b.Get("/index.php"); p.Status != http.StatusOK || !strings.Contains(p.Body, "stranger") {
		t.Fatalf("%d %s", p.Status, p.Body)
	}
	if p := b.Post("/index.php", form); p.Status != http.StatusFound {
		t.Fatalf("sign-in: %d %s", p.Status, p.Body)
	}
	device := b.Enrol()
	if p := b.Get("/index.php"); !strings.Contains(p.Body, "secret of alice") {
		t.Fatalf("after the set-up: %d %s", p.Status, p.Body)
	}
	other := h.Browser()
	other.Get("/index.php")
	if p := other.Post("/index.php", form); p.Location != "/two-factor/challenge" {
		t.Fatalf("signed in without a code: %d %q %s", p.Status, p.Location, p.Body)
	}
	if p := other.Get("/index.php/x.css"); strings.Contains(p.Body, "secret") {
		t.Fatalf("path info: %d %s", p.Status, p.Body)
	}
	other.Pass(device.Code(t))
	if p := other.Get("/pretty/address"); !strings.Contains(p.Body, "secret of alice") {
		t.Fatalf("after the code, through try_files: %d %s", p.Status, p.Body)
	}
}
