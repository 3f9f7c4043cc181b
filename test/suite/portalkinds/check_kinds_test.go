//go:build crash

package portalkinds

import (
	"cmp"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// unlike are the kinds that check can't try in a dry run: they sign in by scripts, or their
// settings depend on the address of the gateway, and a dry run has its own. pinned-encoding
// recognises the customers' browsers, and check is none of them.
var unlike = []string{"json-sign-in", "json-created", "pinned-encoding"}

// TestCheck runs check with the documented Caddyfile of each kind and its portal.
func TestCheck(t *testing.T) {
	for _, k := range kinds {
		if slices.Contains(unlike, k.name) {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			p := k.shorter()
			server := httptest.NewServer(withoutParameters(p))
			t.Cleanup(server.Close)
			text := read(t, filepath.Join("testdata", cmp.Or(k.file, k.name)+".caddyfile"))
			text = strings.ReplaceAll(text, "127.0.0.1:8080", strings.TrimPrefix(server.URL, "http://"))
			if !strings.Contains(text, "sign_out") {
				text = strings.Replace(text, "whoami ", fmt.Sprintf("sign_out %s/logout\n\t\tsign_in %[1]s/login {\n\t\t\tpage %[1]s%[2]s\n\t\t}\n\t\twhoami ", p.base, k.form()), 1)
			}
			out, status := rehearse(t, text)
			if status != 0 || strings.Contains(out, "FAILED") || strings.Contains(out, "not tried") || strings.Count(out, "\n") < 23 {
				t.Errorf("status %d\n%s", status, out)
			}
		})
	}
}

func rehearse(t *testing.T, caddyfile string) (string, int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(file, []byte(caddyfile), 0o600); err != nil {
		t.Fatal(err)
	}
	r := harness.Command(t, t.TempDir(), []string{"alice", "pw-alice", "bob", "pw-bob"}, "check", "--config", file)
	return r.Out + r.Err, r.Status
}
