//go:build crash

package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secondgate/secondgate"
	"github.com/secondgate/secondgate/internal/demoportal"
	"github.com/secondgate/secondgate/test/kit/port"
)

// output is written by the demo while the test reads it.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := port.Free()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// freeLocalhost returns a free address under the host name localhost, which browsers resolve
// themselves.
func freeLocalhost(t *testing.T) string {
	t.Helper()
	_, port, err := net.SplitHostPort(freeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	return "localhost:" + port
}

// startDemo runs the demo until stop, which returns what run returned.
func startDemo(t *testing.T, dir string) (d demo, out *output, stop func() error) {
	t.Helper()
	d = demo{dir: dir, gateway: freeLocalhost(t), portal: freeAddress(t), desk: freeLocalhost(t)}
	ctx, cancel := context.WithCancel(t.Context())
	out, ended := new(output), make(chan error, 1)
	go func() { ended <- d.run(ctx, out) }()
	stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = stop() })
	for !strings.Contains(out.String(), "Four things to try") {
		select {
		case err := <-ended:
			t.Fatalf("the demo ended: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return d, out, stop
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestDemoServesThePortalAndLeavesNothing(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	d, out, stop := startDemo(t, "")
	for _, c := range demoportal.Customers() {
		if !strings.Contains(out.String(), c.Password) {
			t.Errorf("%s's password is not shown", c.Name)
		}
	}
	status, body := get(t, "http://"+d.gateway+"/")
	if status != http.StatusOK || !strings.Contains(body, "Oma Avaruus") {
		t.Errorf("status %d: %s", status, body)
	}
	if status, _ := get(t, "http://"+d.desk+"/"); status != http.StatusUnauthorized {
		t.Errorf("the support desk without a password: %d", status)
	}
	for _, s := range demoStaff {
		if !strings.Contains(out.String(), s.password) {
			t.Errorf("the password of %s is not shown", s.name)
		}
		if status, body := get(t, "http://"+s.name+":"+s.password+"@"+d.desk+"/"); status != http.StatusOK || !strings.Contains(body, "Customers") {
			t.Errorf("the support desk for %s: %d %s", s.name, status, body)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	for _, address := range []string{d.gateway, d.portal, d.desk} {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			t.Errorf("%s still listens", address)
		}
	}
	if left, _ := os.ReadDir(temporary); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDemoKeepsItsDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kept")
	for range 2 { // the second start finds what the first one kept
		_, _, stop := startDemo(t, dir)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "two_factor")); err != nil {
		t.Error(err)
	}
}

func TestExampleNamesTheDemosAddresses(t *testing.T) {
	for _, part := range []string{"\nhttp://" + gatewayAddress + " {", "reverse_proxy " + portalAddress + "\n", "bind 127.0.0.1\n"} {
		if strings.Count(secondgate.Example, part) != 1 {
			t.Errorf("Caddyfile.example lacks %q", part)
		}
	}
}
