package lifecycle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/transfer"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestImport_Kill: the server is killed while it imports. Each user is imported completely or not
// at all. A second import of the same file adds the rest and imports no user twice.
func TestImport_Kill(t *testing.T) {
	const users = 600
	o := newOutside(t, &harness.Legacy{}, named)
	admin := o.withAdmin(t)
	file := filepath.Join(o.dir, "users.csv")
	write(t, file, manyUsers(users))
	o.start(t)
	importing := command(t, o.dir, "users", "import", file, "--address", admin)
	var said bytes.Buffer
	importing.Stderr = &said
	if err := importing.Start(); err != nil {
		t.Fatal(err)
	}
	for exported(t, admin) == 0 {
		time.Sleep(time.Millisecond)
	}
	o.kill()
	if err := importing.Wait(); err == nil || !strings.Contains(said.String(), "import the same file again") {
		t.Errorf("%v\n%s", err, &said)
	}
	o.start(t)
	half := exported(t, admin)
	t.Logf("killed when %d of %d were imported", half, users)
	if half == 0 || half == users {
		t.Fatal("that is not half-way")
	}
	out, err := command(t, o.dir, "users", "import", file, "--json", "--address", admin).Output()
	var s transfer.Summary
	if err != nil || json.Unmarshal(out, &s) != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if s.Counts != (transfer.Counts{Unknown: users - half, Same: half}) || !s.Imported || exported(t, admin) != users {
		t.Errorf("%+v with %d imported before", s, half)
	}
}

// withAdmin gives the program an admin endpoint.
func (o *outside) withAdmin(t *testing.T) (address string) {
	t.Helper()
	address = "127.0.0.1:" + harness.FreePort(t)
	file := filepath.Join(o.dir, "Caddyfile")
	write(t, file, overTCP(read(t, file), address))
	return address
}

var wholeLine = regexp.MustCompile(`^customer-\d{6},[A-Z2-7]{32},SHA1,6,30,`)

// exported is how many users an export has, each of them whole.
func exported(t *testing.T, admin string) int {
	t.Helper()
	res, err := http.Post("http://"+admin+"/two_factor/export?format=csv&staff=test&reason=counting", "text/csv", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if strings.Contains(string(raw), "no site of this server has two_factor") {
		time.Sleep(10 * time.Millisecond) // Caddy serves before it names the configuration as the active one
		return exported(t, admin)
	}
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(res.Status, err, string(raw))
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")[1:]
	for _, line := range lines {
		if !wholeLine.MatchString(line) {
			t.Fatal(fmt.Errorf("a user in parts: %s", line))
		}
	}
	return len(lines)
}
