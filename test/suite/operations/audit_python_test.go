//go:build crash

package operations

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

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
	w := startAudited(t, evilPortal())
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
