package operations

import (
	"os"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // the directives of the page's site

	_ "github.com/secondgate/secondgate/caddyplugin" // ours
)

// TestCaddyfile: the page's Caddyfile is one, keeps the store where the unit lets it, and
// takes the key from where the unit puts it.
func TestCaddyfile(t *testing.T) {
	page, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "```caddyfile\n")
	text, _, _ = strings.Cut(text, "```")
	adapted, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%v %v", err, warnings)
	}
	service, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	for in, with := range map[string]string{
		`"directory":"/var/lib/secondgate/two_factor"`:          "StateDirectory=secondgate\n",
		"{file./run/credentials/secondgate.service/master.key}": "LoadCredential=master.key:/etc/secondgate/master.key\n",
	} {
		if !strings.Contains(string(adapted), in) || !strings.Contains(string(service), with) {
			t.Errorf("the Caddyfile has to have %s, and the unit %s", in, with)
		}
	}
}

// TestUnit_PrivateSocket: the unit gives the admin endpoint a private socket in a
// directory of its own, and the page's Caddyfile names no other one.
func TestUnit_PrivateSocket(t *testing.T) {
	service, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"Environment=CADDY_ADMIN=unix//run/secondgate/admin.sock|0600\n", "RuntimeDirectory=secondgate\n", "RuntimeDirectoryMode=0700\n"} {
		if !strings.Contains(string(service), line) {
			t.Errorf("the unit lacks %s", line)
		}
	}
	page, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(page), "\n\tadmin ") {
		t.Error("the page's Caddyfile names an admin endpoint")
	}
}

const unit = "../../../docs/systemd/secondgate.service"
