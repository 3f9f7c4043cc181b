package lifecycle

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/caddyplugin/cli"
	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/transfer"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// desk is a running harness, and the commands that an administrator runs against it.
type desk struct {
	*harness.Harness
	t     *testing.T
	admin string
}

// openDesk starts sites with an admin endpoint.
func openDesk(t *testing.T, sites ...string) *desk {
	t.Helper()
	return openDeskBefore(t, &harness.Legacy{}, sites...)
}

// openDeskBefore is openDesk with a portal of the test's.
func openDeskBefore(t *testing.T, portal http.Handler, sites ...string) *desk {
	t.Helper()
	d := &desk{t: t, admin: "127.0.0.1:" + harness.FreePort(t)}
	d.Harness = harness.StartWhole(t, portal, overTCP(whole(badger, sites...), d.admin))
	return d
}

// run runs a command of `users` in this process, with this standard input.
func (d *desk) run(input string, args ...string) (stdout, stderr string, err error) {
	d.t.Helper()
	var out, progress bytes.Buffer
	for _, c := range cli.Commands() {
		if c.Name != "users" {
			continue
		}
		cmd := &cobra.Command{Use: c.Name, SilenceErrors: true, SilenceUsage: true}
		c.CobraFunc(cmd)
		cmd.SetArgs(append(args, "--address", d.admin))
		cmd.SetIn(strings.NewReader(input))
		cmd.SetOut(&out)
		cmd.SetErr(&progress)
		err = cmd.ExecuteContext(d.t.Context())
	}
	return out.String(), progress.String(), err
}

// arrive imports, and fails the test unless the whole file was.
func (d *desk) arrive(input string, args ...string) transfer.Summary {
	d.t.Helper()
	out, progress, err := d.run(input, append([]string{"import", "-", "--json"}, args...)...)
	var s transfer.Summary
	if err != nil || json.Unmarshal([]byte(out), &s) != nil || !s.Imported {
		d.t.Fatalf("%v\n%s%s", err, out, progress)
	}
	return s
}

// awaitLog waits until the log has a text.
func (d *desk) awaitLog(text string) {
	d.t.Helper()
	for end := time.Now().Add(10 * time.Second); !strings.Contains(d.LogText(), text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			d.t.Fatalf("the log never says %s", text)
		}
	}
}

// newSecret is a secret that another system made for a user.
func newSecret() string {
	b := make([]byte, 20)
	rand.Read(b)
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b)
}

// TestImport_SignIn: after an import the next sign-in is asked for a code, and the app's code is
// accepted. A user who is signed in already is asked at the next click.
func TestImport_SignIn(t *testing.T) {
	d := openDesk(t, site("PORT", named))
	inside := d.Browser()
	inside.SignIn("bob")
	if !passes(t, inside, "bob") {
		t.Fatal("bob is not signed in")
	}
	alice, bob := &harness.Device{Secret: newSecret()}, &harness.Device{Secret: newSecret()}
	s := d.arrive("user,secret,backup_codes\nalice," + alice.Secret + ",\nbob," + bob.Secret + ",0123-4567-89AB-CDEF\n")
	if s.Counts != (transfer.Counts{Unknown: 1, Known: 1}) {
		t.Errorf("%+v", s)
	}
	if p := inside.Get("/account"); strings.Contains(p.Body, harness.SecretOf("bob")) {
		t.Error("a session of before passes without a code")
	}
	b := d.Browser()
	asked(t, b.SignIn("alice"))
	if p := b.Pass(alice.CodeNow(t)); p.Location != "" && p.Location != "/two-factor/challenge" {
		t.Errorf("a code of the moment of the import is accepted: %d %q", p.Status, p.Location)
	}
	t.Cleanup(clock.Move(2 * time.Minute))
	accepted(t, b.Pass(alice.Code(t)))
	if !passes(t, b, "alice") {
		t.Error("alice does not pass")
	}
	b = d.Browser()
	asked(t, b.SignIn("bob"))
	accepted(t, b.Pass("0123 4567 89ab cdef"))
	if strings.Contains(d.LogText(), alice.Secret) || strings.Contains(d.LogText(), "0123-4567") {
		t.Error("the log tells a secret")
	}
}

// TestImport_Refused: one wrong line, and nothing is imported; a dry run never does.
func TestImport_Refused(t *testing.T) {
	d := openDesk(t, site("PORT", named+"\nwhoami /me {\n anonymous status 401\n user json user\n lower\n}"))
	b := d.Browser()
	b.SignIn("carol")
	b.Enrol()
	good := "user,secret\nALICE," + newSecret() + "\n"
	for name, c := range map[string]struct {
		input, want string
		args        []string
	}{
		"wrong secret":     {good + "bob,189\n", `line 3: user "bob": secret: not base32`, nil},
		"has another":      {good + "carol," + newSecret() + "\n", `line 3: user "carol": user: has another authenticator already`, nil},
		"the same by case": {good + "alice," + newSecret() + "\n", `line 3: user "alice": user: is in line 2 already`, nil},
		"unknown column":   {"user,secret,pin\n", `the column "pin" is unknown`, nil},
		"binary":           {"\x7fELF\x00", "this is no text", nil},
		"empty":            {"", "the file is empty", nil},
		"unknown realm":    {good, `realm "two" is unknown; want one of: one`, []string{"--realm", "two"}},
		"unknown format":   {good, `format "xml" is unknown`, []string{"--format", "xml"}},
		"other format":     {good, "not a JSON object", []string{"--format", "jsonl"}},
		"unknown choice":   {good, `replace "maybe" is unknown`, []string{"--replace", "maybe"}},
		"no name":          {good, "staff: want the name", []string{"--staff", " "}},
		"a short reason":   {good, "reason: want a few words", []string{"--reason", "x"}},
		"too long a line":  {good + "bob," + strings.Repeat("A", 1<<20) + "\n", "line 3: longer than", nil},
	} {
		out, progress, err := d.run(c.input, append([]string{"import", "-"}, c.args...)...)
		if err == nil || !strings.Contains(progress+err.Error(), c.want) {
			t.Errorf("%s: %v\n%s%s", name, err, out, progress)
		}
		if name == "other format" && strings.Contains(progress, "ever seen") {
			t.Errorf("%s: a file of which no user can be read is told to have other ids:\n%s", name, progress)
		}
	}
	out, progress, err := d.run(good, "import", "-", "--dry-run")
	if err != nil || !strings.Contains(out, "1  would be imported, who were not seen before") || !strings.Contains(progress, "none of these users was ever seen") {
		t.Errorf("dry run: %v\n%s%s", err, out, progress)
	}
	if p := d.Browser().SignIn("alice"); p.Location == "/two-factor/challenge" {
		t.Error("something was imported")
	}
}

// TestImport_Replace: existing authenticators are kept or replaced as requested, and users who
// lose theirs are signed out.
func TestImport_Replace(t *testing.T) {
	d := openDesk(t, site("PORT", named))
	b := d.Browser()
	b.SignIn("alice")
	b.Enrol()
	device := &harness.Device{Secret: newSecret()}
	file := "user,secret\nalice," + device.Secret + "\n"
	if s := d.arrive(file, "--replace", "skip"); s.Counts != (transfer.Counts{Skipped: 1}) || !passes(t, b, "alice") {
		t.Errorf("skip: %+v", s)
	}
	if s := d.arrive(file, "--replace", "always"); s.Counts != (transfer.Counts{Replaced: 1}) || passes(t, b, "alice") {
		t.Errorf("always: %+v", s)
	}
	if s := d.arrive(file, "--replace", "always"); s.Counts != (transfer.Counts{Same: 1}) {
		t.Errorf("again: %+v", s)
	}
	t.Cleanup(clock.Move(2 * time.Minute))
	b = d.Browser()
	asked(t, b.SignIn("alice"))
	accepted(t, b.Pass(device.Code(t)))
}

// TestExport_RoundTrip: an export of one realm is imported into another and back. The apps work in
// each, the backup codes only where they were made.
func TestExport_RoundTrip(t *testing.T) {
	other := harness.FreePort(t)
	d := openDesk(t, site("PORT", named), site(other, strings.Replace(named, "realm one", "realm two", 1)))
	b := d.Browser()
	b.SignIn("alice")
	device := b.Enrol()
	for _, format := range []string{"csv", "jsonl"} {
		file := filepath.Join(t.TempDir(), "out")
		if out, _, err := d.run("", "export", "--realm", "one", "--format", format, "--reason", "moving", "--output", file); err != nil || !strings.HasPrefix(out, file+" is written.") {
			t.Fatal(out, err)
		}
		raw, err := os.ReadFile(file)
		info, _ := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 || !strings.Contains(string(raw), device.Secret) || strings.Contains(string(raw), device.Backup[0]) {
			t.Fatalf("%v %v\n%s", err, info, raw)
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), ".export-*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		_, progress, err := d.run(string(raw), "import", "-", "--realm", "two", "--format", format)
		if err != nil || !strings.Contains(progress, "the backup codes are from another realm") {
			t.Fatalf("%v %s", err, progress)
		}
		if s := d.arrive(string(raw), "--realm", "one", "--format", format); s.Counts != (transfer.Counts{Same: 1}) {
			t.Errorf("%+v", s)
		}
	}
	d.awaitLog(`"event":"exported"`)
	t.Cleanup(clock.Move(2 * time.Minute))
	there := at(d.Harness, other)
	asked(t, there.SignIn("alice"))
	if p := there.Pass(device.Backup[0]); p.Location == "/account" {
		t.Error("a backup code of another realm is accepted")
	}
	accepted(t, there.Pass(device.Code(t)))
}

func TestExport_Refused(t *testing.T) {
	d := openDesk(t, site("PORT", named))
	file := filepath.Join(t.TempDir(), "out")
	write(t, file, "mine")
	for name, c := range map[string]struct {
		want string
		args []string
	}{
		"no reason":     {"reason: want a few words", nil},
		"no name":       {"staff: want the name", []string{"--reason", "moving", "--staff", " "}},
		"unknown realm": {`realm "x" is unknown`, []string{"--reason", "moving", "--realm", "x"}},
		"there already": {"name another file", []string{"--reason", "moving", "--output", file}},
		"nowhere":       {"no such file", []string{"--reason", "moving", "--output", filepath.Join(filepath.Dir(file), "x", "y")}},
	} {
		out, said, err := d.run("", append([]string{"export"}, c.args...)...)
		if err == nil || !strings.Contains(said, c.want) || out != "" {
			t.Errorf("%s: %v %s %s", name, err, said, out)
		}
	}
	if raw, _ := os.ReadFile(file); string(raw) != "mine" {
		t.Error("another file was replaced")
	}
	d.admin = "127.0.0.1:1"
	if _, _, err := d.run("", "export", "--reason", "moving"); err == nil || !strings.Contains(err.Error(), "no server answers at 127.0.0.1:1: start it") {
		t.Error(err)
	}
}

// TestAttack_ImportByForm: a page of another site can have a browser on the machine post
// a form to the admin endpoint, and nothing comes of it.
func TestAttack_ImportByForm(t *testing.T) {
	d := openDesk(t, site("PORT", named))
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""} {
		for _, path := range []string{"import", "export"} {
			body := "user,secret\nalice," + newSecret() + "\n"
			res, err := http.Post("http://"+d.admin+"/two_factor/"+path+"?format=csv&staff=x&reason=stolen", kind, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != http.StatusUnsupportedMediaType {
				t.Errorf("%s %q: %s", path, kind, res.Status)
			}
		}
	}
	if p := d.Browser().SignIn("alice"); p.Location == "/two-factor/challenge" {
		t.Error("something was imported")
	}
}

// manyUsers is a file of n users.
func manyUsers(n int) string {
	var b strings.Builder
	b.WriteString("user,secret\n")
	for i := range n {
		fmt.Fprintf(&b, "customer-%06d,%s\n", i, newSecret())
	}
	return b.String()
}
