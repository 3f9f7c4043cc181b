//go:build crash

package operations

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// evil are the values that an attacker chooses, such as the name and the User-Agent, to get
// another client's address banned.
const evil = `eve","logger":"two_factor.audit","msg":"security event","event":"locked","client_ip":"198.51.100.66","x":"` + `\u0022,\"client_ip\":\"198.51.100.66\",`

// evilPortal names everybody evil.
func evilPortal() *harness.Legacy {
	return &harness.Legacy{Rotate: true, Before: func(_ *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
		if _, err := r.Cookie("PHPSESSID"); r.URL.Path != "/me" || err != nil {
			return false
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"user": evil, "name": evil})
		return true
	}}
}

// from makes the browser connect from another address of loopback.
func from(b *harness.Browser, address string) *harness.Browser {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	b.Client.Transport = &http.Transport{DialContext: func(ctx context.Context, network, to string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, to)
	}}
	for _, name := range []string{"X-Forwarded-For", "Forwarded", "X-Real-Ip", "Client-Ip"} {
		b.Header.Set(name, "198.51.100.66")
	}
	b.Header.Set("User-Agent", evil)
	b.Header.Set("Referer", evil)
	return b
}

// banned is what fail2ban would have counted, by a filter, in Caddy's log.
func (w *world) banned(filter string) []string {
	w.t.Helper()
	path, err := exec.LookPath("fail2ban-regex")
	if err != nil {
		if os.Getenv("CI") != "" {
			w.t.Fatal("fail2ban-regex is not there: install the package fail2ban")
		}
		w.t.Skip("fail2ban-regex is not there")
	}
	cmd := exec.Command(path, "--out", "ip", w.Log, filter)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("%v\n%s", err, out)
	}
	return strings.Fields(string(out))
}

// TestFail2ban: the filter finds exactly the wrong codes in a real log, with the addresses that
// they came from. Values that the sender chooses change no match.
func TestFail2ban(t *testing.T) {
	w := startAudited(t, evilPortal())
	owner := w.Browser()
	owner.SignIn("alice")
	owner.Enrol()
	thief, other := from(w.Browser(), "127.0.0.7"), from(w.Browser(), "127.0.0.8")
	thief.SignIn("alice")
	for range 6 {
		thief.Pass("000000") // the sixth begins a wait
	}
	other.SignIn("alice")
	other.Pass("000000") // refused by the wait, and not looked at
	thief.Get("/account?" + strings.ReplaceAll(evil, `"`, "%22"))
	events := w.events()
	var want []string
	for _, e := range events {
		if e.Kind == store.EventFailed || e.Kind == store.EventThrottled || e.Kind == store.EventLocked {
			want = append(want, "127.0.0.7")
		}
		if e.User != evil || e.Address == "198.51.100.66" {
			t.Errorf("%+v", e)
		}
	}
	filter, err := filepath.Abs("../../../docs/fail2ban/secondgate.conf")
	if err != nil {
		t.Fatal(err)
	}
	if got := w.banned(filter); len(want) != 7 || !slices.Equal(got, want) {
		t.Errorf("banned %v, want %v, of %d events", got, want, len(events))
	}
	// A careless filter is deceived by this log.
	careless := filepath.Join(t.TempDir(), "careless.conf")
	if err := os.WriteFile(careless, []byte("[Definition]\nfailregex = client_ip\\W+<ADDR>\\W+x\ndatepattern = (?<=\"ts\":){EPOCH}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := w.banned(careless); !slices.Contains(got, "198.51.100.66") {
		t.Errorf("the log deceives nobody: %v", got)
	}
	for line := range strings.Lines(w.LogText()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("no record: %s", line)
		}
	}
}
