package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/secondgate/secondgate/internal/demoportal"
	"github.com/secondgate/secondgate/test/kit/browser"
	"github.com/secondgate/secondgate/test/kit/portals"
)

// frame is the test's Caddyfile around the site. The site itself is a separate file, unchanged as
// inspect wrote it.
const frame = `{
	admin unix/%[1]s/admin.sock
	persist_config off
	auto_https off
	storage file_system %[1]s/caddy
	two_factor {
		storage badger %[1]s/two_factor
	}
}

import learned.caddyfile
`

// learn runs `secondgate inspect` on the portal, with user names and passwords by
// turns, and starts a gateway with what it writes, unedited.
func learn(t *testing.T, portal string, flags []string, accounts ...string) (*gateway, string) {
	t.Helper()
	g := &gateway{t: t, binary: built(t, plainBinary), dir: t.TempDir(), log: new(logBuffer)}
	address := freeAddress(t)
	g.URL = "http://" + address
	text, progress := runInspect(t, g.binary, append([]string{portal, "--site", g.URL}, flags...), accounts...)
	for _, secret := range accounts[1:2] {
		if strings.Contains(text, secret) || strings.Contains(progress, secret) {
			t.Errorf("inspect tells the password %q", secret)
		}
	}
	for name, content := range map[string]string{"learned.caddyfile": text, "Caddyfile": fmt.Sprintf(frame, g.dir)} {
		if err := os.WriteFile(filepath.Join(g.dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		g.stop(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("inspect wrote:\n%s\nand the gateway logged:\n%s", text, g.log)
		}
	})
	g.run()
	return g, text
}

// forget stops the gateway and starts it with an empty store, in which no user has a second
// factor.
func (g *gateway) forget() {
	g.t.Helper()
	g.stop(syscall.SIGTERM)
	for _, dir := range []string{"two_factor", "caddy"} { // the store, and its witness
		if err := os.RemoveAll(filepath.Join(g.dir, dir)); err != nil {
			g.t.Fatal(err)
		}
	}
	g.run()
}

func runInspect(t *testing.T, binary string, args []string, accounts ...string) (stdout, stderr string) {
	t.Helper()
	var out, progress bytes.Buffer
	command := exec.CommandContext(t.Context(), binary, append([]string{"inspect"}, args...)...)
	command.Stdin = strings.NewReader(strings.Join(accounts, "\n") + "\n")
	command.Stdout, command.Stderr = &out, &progress
	if err := command.Run(); err != nil {
		t.Fatalf("inspect: %v\n%s", err, progress.String())
	}
	return out.String(), progress.String()
}

// wants fails the test for each of these lines that inspect has not written.
func wants(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(text, line) {
			t.Errorf("inspect did not write %q:\n%s", line, text)
		}
	}
}

func TestInspectDemoPortal(t *testing.T) {
	t.Parallel()
	customers := demoportal.Customers()
	portal, err := demoportal.Start(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g, text := learn(t, portal.URL, nil, customers[0].Name, customers[0].Password, customers[1].Name, customers[1].Password)
	s := demoBehind(g)
	wants(t, text, `user html "#account-id" value`, "anonymous redirect", "sign_out /logout", "keeps its value at a sign-in")
	if strings.Contains(text, "\n\t\trotates") || strings.Contains(text, "\n\t\tleave") {
		t.Errorf("inspect promises what does not hold:\n%s", text)
	}
	journey(t, browser.Start(t), s, "", false) // the pages are those of the other journeys
	s.forget()
	demoDoors(t, s)
}

// TestInspectDokuWiki learns DokuWiki, as the preset that it is and written out.
func TestInspectDokuWiki(t *testing.T) {
	t.Parallel()
	portal := portals.DokuWiki(t)
	for _, c := range []struct {
		name  string
		flags []string
		lines []string
	}{
		{"preset", nil, []string{"portal dokuwiki", "by HTTP Basic", "by GET"}},
		{"written out", []string{"--no-preset"}, []string{"do=profile", "deny /lib/exe/xmlrpc.php", "sign_out /doku.php?do=logout"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, text := learn(t, portal.URL, c.flags, "alice", portal.Alice.Password, "bob", portal.Bob.Password)
			s := dokuwikiBehind(g, portal)
			wants(t, text, c.lines...)
			journey(t, browser.Start(t), s, "", false) // the pages are those of the other journeys
			s.forget()
			dokuwikiDoors(t, s, portal)
		})
	}
}

// TestInspectWordPress learns WordPress, as the preset that it is and written out.
func TestInspectWordPress(t *testing.T) {
	t.Parallel()
	portal := portals.WordPress(t)
	for _, c := range []struct {
		name  string
		flags []string
		lines []string
	}{
		{"preset", nil, []string{"portal wordpress", "\n\t\trotates\n"}},
		{"written out", []string{"--no-preset"}, []string{"whoami /wp-admin/profile.php", "anonymous redirect */wp-login.php*", "deny /xmlrpc.php", "sign_in /wp-login.php"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, text := learn(t, portal.URL, c.flags, "alice", portal.Alice.Password, "bob", portal.Bob.Password)
			s := wordpressBehind(g, portal)
			wants(t, text, c.lines...)
			journey(t, browser.Start(t), s, "", false) // the pages are those of the other journeys
			s.forget()
			wordpressDoors(t, s, portal)
		})
	}
}
