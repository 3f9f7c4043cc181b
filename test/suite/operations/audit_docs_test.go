package operations

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// block is the first block of code in docs/audit.md in that language which has a text.
func block(t *testing.T, language, with string) string {
	t.Helper()
	raw, err := os.ReadFile("../../../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(raw), -1) {
		if strings.Contains(m[1], with) {
			return m[1]
		}
	}
	t.Fatalf("docs/audit.md has no %s with %q", language, with)
	return ""
}

// TestDocs_Caddyfile: the options that the page shows are those that are tested here.
func TestDocs_Caddyfile(t *testing.T) {
	for _, with := range []string{"output net", "output file"} {
		text := block(t, "caddyfile", with)
		if strings.Join(strings.Fields(text), " ") != strings.Join(strings.Fields("{ log audit { "+strings.TrimSpace(strings.Split(text, "\n")[2])+" format json include two_factor.audit } }"), " ") {
			t.Errorf("not what TestElsewhere tests:\n%s", text)
		}
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "audit.log")
	w := startAudited(t, &harness.Legacy{}, func(w *world) {
		w.logs = strings.ReplaceAll(elsewhere(""), "output net ", "output file "+file)
		w.global = regexp.MustCompile(`(?s)audit \{.*?\}`).FindString(block(t, "caddyfile", "keep"))
	})
	w.Browser().SignIn("alice")
	w.events()
	raw, err := os.ReadFile(file)
	if err != nil || !bytes.Contains(raw, []byte(`"msg":"security event","event":"sign_in","client_ip":"127.0.0.1","seq":1,"hash":"`)) {
		t.Errorf("%s, %v", raw, err)
	}
}
