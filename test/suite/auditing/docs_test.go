package auditing

import (
	"bytes"
	"os"
	"os/exec"
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

// TestDocs_Python: a program in another language can read the log from the documented format
// alone.
func TestDocs_Python(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("python3 is not there: install the package python3")
		}
		t.Skip("python3 is not there")
	}
	w := start(t, evilPortal())
	w.Browser().SignIn("alice")
	b := w.Browser()
	b.Header.Set("User-Agent", "Ünïcode <&> \"x\"")
	b.SignIn("alice")
	b.Enrol()
	dir := t.TempDir()
	program, file := filepath.Join(dir, "verify.py"), filepath.Join(dir, "audit.jsonl")
	whole := w.export()
	run := func(export []byte) (string, error) {
		for name, content := range map[string][]byte{program: []byte(block(t, "python", "hashlib")), file: export} {
			if err := os.WriteFile(name, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		out, err := exec.Command(python, program, file).CombinedOutput()
		return string(out), err
	}
	var r struct{ Head string }
	w.get("/two_factor/audit/verify", &r)
	if out, err := run(whole); err != nil || out != "head "+r.Head+"\n" {
		t.Errorf("%q, %v; want the head %s", out, err, r.Head)
	}
	first, event := whole[:bytes.IndexByte(whole, '\n')+1], []byte(`,"event":{`)
	forged := bytes.Replace(first[bytes.Index(first, event):len(first)-2], []byte("127.0.0.1"), []byte("127.0.0.2"), 1)
	for name, test := range map[string]struct {
		export []byte
		says   string
	}{
		"changed":   {bytes.Replace(whole, []byte("127.0.0.1"), []byte("127.0.0.2"), 1), "entry 1 is wrong"},
		"two cases": {bytes.Replace(first, event, append(forged, `,"EVENT":{`...), 1), "entry 1 is wrong"},
		"another":   {bytes.Replace(first, []byte(`{"seq":1`), []byte(`{"seq":01`), 1), "not a line of an export"},
		"empty":     {nil, "no entry in the file"},
	} {
		if out, err := run(test.export); err == nil || !strings.Contains(out, test.says) || strings.Contains(out, "Traceback") {
			t.Errorf("%s: %q, %v", name, out, err)
		}
	}
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
	w := start(t, &harness.Legacy{}, func(w *world) {
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
