package kinds

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/caddyplugin"
)

// unlike are the kinds that check can't rehearse: they sign in by scripts, or what is
// told about them is the way to the gateway, of which a rehearsal has its own.
// pinned-encoding knows the customers' browsers, of which check's is none.
var unlike = []string{"json-sign-in", "json-created", "pinned-encoding"}

// TestCheck rehearses the documented Caddyfile of each kind before its portal.
func TestCheck(t *testing.T) {
	for _, k := range kinds {
		if slices.Contains(unlike, k.name) {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			p := k.portal()
			server := httptest.NewServer(withoutParameters(p))
			t.Cleanup(server.Close)
			text := read(t, filepath.Join("testdata", cmp.Or(k.file, k.name)+".caddyfile"))
			text = strings.ReplaceAll(text, "127.0.0.1:8080", strings.TrimPrefix(server.URL, "http://"))
			if !strings.Contains(text, "sign_out") {
				text = strings.Replace(text, "whoami ", fmt.Sprintf("sign_out %s/logout\n\t\tsign_in %[1]s/login {\n\t\t\tpage %[1]s%[2]s\n\t\t}\n\t\twhoami ", p.base, k.form()), 1)
			}
			out, err := rehearse(t, text)
			if err != nil || strings.Contains(out, "FAILED") || strings.Contains(out, "not tried") || strings.Count(out, "\n") < 23 {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func rehearse(t *testing.T, caddyfile string) (string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(file, []byte(caddyfile), 0o600); err != nil {
		t.Fatal(err)
	}
	all := caddyplugin.Commands()
	c := all[slices.IndexFunc(all, func(c caddycmd.Command) bool { return c.Name == "check" })]
	cmd := &cobra.Command{Use: c.Name, SilenceUsage: true}
	c.CobraFunc(cmd)
	var out bytes.Buffer
	cmd.SetArgs([]string{"--config", file})
	cmd.SetIn(strings.NewReader("alice\npw-alice\nbob\npw-bob\n"))
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetContext(t.Context())
	err := cmd.Execute()
	return out.String(), err
}
