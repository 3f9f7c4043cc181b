//go:build browser && portals

package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// load keeps four clients fetching the page with the client's cookies until end is called. end
// returns the number of pages served, and the errors of the others.
func load(c *client, page string) (end func() (served int64, failed []string)) {
	var ended atomic.Bool
	var count atomic.Int64
	var programs sync.WaitGroup
	failures := make([][]string, 4)
	for i := range failures {
		programs.Go(func() {
			for !ended.Load() {
				if err := c.fetch(page); err != nil {
					failures[i] = append(failures[i], err.Error())
					time.Sleep(time.Millisecond)
					continue
				}
				count.Add(1)
			}
		})
	}
	return func() (int64, []string) {
		ended.Store(true)
		programs.Wait()
		return count.Load(), slices.Concat(failures...)
	}
}

// fetch gets the page, and nothing else than the page.
func (c *client) fetch(page string) error {
	resp, err := c.http.Get(c.base + page)
	if errors.Is(err, syscall.ECONNRESET) {
		// Caddy's own: a connection still in the queue of a listener that it closes.
		resp, err = c.http.Get(c.base + page)
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || resp.Request.URL.RequestURI() != page {
		return fmt.Errorf("status %d at %s", resp.StatusCode, resp.Request.URL)
	}
	return nil
}

// TestKill kills the gateway right after it accepted a code, under load: the
// enrolment and the clearance are still there, and the code is still used up.
func TestKill(t *testing.T) {
	s := demoSite(t, built(t, plainBinary))
	first := newClient(t, s.URL)
	first.post("/login", "login", s.name, "password", s.password)
	p, _ := first.setUp()
	end := load(first, s.page)

	second := newClient(t, s.URL)
	if got := second.post("/login", "login", s.name, "password", s.password, "next", s.page); !got.challenged() {
		t.Fatalf("not asked for a code, but at %s", got.at())
	}
	code := p.code()
	if got := second.answer(code); got.Request.URL.RequestURI() != s.page {
		t.Fatalf("the code leads to %s", got.at())
	}
	s.stop(syscall.SIGKILL)
	if served, _ := end(); served == 0 {
		t.Error("there was no load")
	}
	s.run()

	if got := second.get(s.page); got.at() != "/invoices" {
		t.Errorf("the clearance is lost: %s", got.at())
	}
	third := newClient(t, s.URL)
	third.post("/login", "login", s.name, "password", s.password)
	if got := third.answer(code); !got.challenged() {
		t.Errorf("a used code is accepted after a crash and leads to %s", got.at())
	}
	if got := third.answer(p.code()); got.challenged() {
		t.Error("the next code is refused")
	}
}

// TestReload reloads the configuration under load, then loads one that is refused. No request
// fails in either case.
func TestReload(t *testing.T) {
	s := demoSite(t, built(t, plainBinary))
	c := newClient(t, s.URL)
	c.post("/login", "login", s.name, "password", s.password)
	c.setUp()
	end := load(c, s.page)

	file := filepath.Join(s.dir, "Caddyfile")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		reload(t, s.gateway, string(text)+"\n# changed\n", true)
	}
	otherKey := strings.Replace(string(text), "storage badger", "key {file."+filepath.Join(s.dir, "none")+"}\n\t\tstorage badger", 1)
	reload(t, s.gateway, otherKey, false)
	reload(t, s.gateway, string(text), true)

	if served, failed := end(); served == 0 || len(failed) > 0 {
		t.Errorf("%d requests were served and %d were not: %q", served, len(failed), failed[:min(10, len(failed))])
	}
	if got := c.get(s.page); got.at() != "/invoices" {
		t.Errorf("the clearance is lost: %s", got.at())
	}
}

// reload gives the running gateway another Caddyfile, which it takes or refuses.
func reload(t *testing.T, g *gateway, text string, taken bool) {
	t.Helper()
	file := filepath.Join(g.dir, "Caddyfile")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(g.binary, "reload", "--force", "--config", file, "--adapter", "caddyfile",
		"--address", "unix/"+filepath.Join(g.dir, "admin.sock")).CombinedOutput()
	if taken != (err == nil) {
		t.Errorf("reload: %v\n%s", err, out)
	}
}
