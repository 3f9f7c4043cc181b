//go:build portals

package operations

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/report"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestPHP_Lock: PHP locks sessions. A question therefore runs only while no request of its visit
// does, so that neither waits for the other. The session is unchanged afterwards.
func TestPHP_Lock(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	address := harness.PHP(t, "testdata/portal.php", "/up", 8, []string{"session.save_path=" + t.TempDir()}, []string{"LOG=" + log})
	w := startObserving(t, nil, "realm php\nwhoami /me {\n\tanonymous status 401\n\tuser json user\n}\nsign_in /login\nrecheck 0", address)
	b := w.Browser()
	b.Get("/home")
	b.Post("/login", url.Values{"user": {"alice"}, "password": {"pw"}})
	slow := make(chan *harness.Page)
	go func() {
		p, err := b.Try(b.Request(http.MethodGet, "/slow?ms=3000", nil))
		if err != nil {
			t.Error(err)
		}
		slow <- p
	}()
	if p := <-slow; p == nil || p.Body != "slow alice" {
		t.Fatalf("%+v", p)
	}
	w.awaits(report.UserFree, "alice", 1)
	if p := b.Get("/home"); p.Body != "home alice" {
		t.Errorf("after the question: %q", p.Body)
	}
	raw, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	begun, ended := slices.Index(lines, "begin /slow"), slices.Index(lines, "end /slow")
	if begun < 0 || ended < begun || slices.Contains(lines[begun:ended], "begin /me") {
		t.Errorf("asked while a request held the session's lock:\n%s", raw)
	}
	if strings.Count(string(raw), "begin /me") < 3 { // at least three questions reach the portal
		t.Errorf("nobody was asked:\n%s", raw)
	}
}
