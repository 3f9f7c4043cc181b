package lifecycle

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// acts are requests that change users or export secrets, with what they have to be sent as.
var acts = []struct{ path, kind, body string }{
	{"export?format=csv&staff=x&reason=stolen", "text/csv", ""},
	{"import?format=csv&staff=x&reason=stolen", "text/csv", "user,secret\nalice,JBSWY3DPEHPK3PXP\n"},
	{"backup", "application/json", `{"recipients": ["age1x"]}`},
	{"users/reset", "application/json", `{"user": "nobody", "staff": "x", "reason": "stolen"}`},
	{"users/unlock", "application/json", `{"user": "nobody", "staff": "x", "reason": "stolen"}`},
	{"users/end-sessions", "application/json", `{"user": "nobody", "staff": "x", "reason": "stolen"}`},
	{"users/recovery-code", "application/json", `{"user": "nobody", "staff": "x", "reason": "stolen"}`},
	{"keys/rotate", "application/json", `{}`},
}

// endpoint is a server's admin endpoint, by a network and an address.
type endpoint struct {
	t                *testing.T
	network, address string
}

func (e endpoint) send(method, path, kind, body string) (int, string) {
	e.t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, e.network, e.address)
	}}}
	host := "localhost"
	if e.network == "tcp" {
		host = e.address
	}
	r, err := http.NewRequest(method, "http://"+host+"/two_factor/"+path, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	res, err := client.Do(r)
	if err != nil {
		e.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return res.StatusCode, string(raw)
}

// refuses fails the test unless all acts are refused with this text, or none is.
func (e endpoint) refuses(all bool, text string) {
	e.t.Helper()
	for _, a := range acts {
		status, body := e.send(http.MethodPost, a.path, a.kind, a.body)
		if refused := status == http.StatusForbidden; refused != all || refused && !strings.Contains(body, text) {
			e.t.Errorf("%s: %d %s", a.path, status, body)
		}
	}
	if status, body := e.send(http.MethodGet, "status", "", ""); status != http.StatusOK {
		e.t.Errorf("status: %d %s", status, body)
	}
}

// openEndpoint is a server with that admin endpoint and that line of two_factor.
func openEndpoint(t *testing.T, admin, line string) *harness.Harness {
	t.Helper()
	text := strings.Replace(whole(badger+"\n"+line, site("PORT", named)), "admin off", admin, 1)
	return harness.StartWhole(t, &harness.Legacy{}, text)
}

const openWarning = "the admin endpoint is open to every process of the machine"

// TestAttack_J4_ExportOverTCP: no process of the machine exports secrets or changes users with one
// request to the TCP endpoint. The server warns at start that the endpoint is open.
func TestAttack_J4_ExportOverTCP(t *testing.T) {
	address := "127.0.0.1:" + harness.FreePort(t)
	h := openEndpoint(t, "admin "+address, "")
	endpoint{t, "tcp", address}.refuses(true, "over TCP, where every process of the machine may ask, the admin API neither acts nor exports secrets: in the Caddyfile's global options write `admin unix//run/secondgate/admin.sock|0600`")
	if log := h.LogText(); !strings.Contains(log, openWarning) || !strings.Contains(log, `"address":"`+address+`","users_and_secrets_too":false`) {
		t.Error(log)
	}
}

// TestAttack_J4_DefaultEndpoint: the same for the endpoint that Caddy opens by default.
func TestAttack_J4_DefaultEndpoint(t *testing.T) {
	usual, address := caddy.DefaultAdminListen, "127.0.0.1:"+harness.FreePort(t)
	t.Cleanup(func() { caddy.DefaultAdminListen = usual })
	caddy.DefaultAdminListen = address
	h := openEndpoint(t, "", "")
	endpoint{t, "tcp", address}.refuses(true, "over TCP")
	if log := h.LogText(); !strings.Contains(log, openWarning) {
		t.Error(log)
	}
}

// TestAdmin_TCPByConfiguration: `admin_api tcp` is for machines where nothing else runs.
func TestAdmin_TCPByConfiguration(t *testing.T) {
	address := "127.0.0.1:" + harness.FreePort(t)
	h := openEndpoint(t, "admin "+address, "admin_api tcp")
	endpoint{t, "tcp", address}.refuses(false, "")
	if log := h.LogText(); !strings.Contains(log, `"users_and_secrets_too":true`) {
		t.Error(log)
	}
}

// TestAdmin_PrivateSocket: over a socket of mode 0600 everything works, without a warning.
func TestAdmin_PrivateSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "admin.sock")
	h := openEndpoint(t, "admin unix/"+socket+"|0600", "")
	endpoint{t, "unix", socket}.refuses(false, "")
	if strings.Contains(h.LogText(), openWarning) {
		t.Error(h.LogText())
	}
}

// TestAttack_J4_OpenSocket: a socket that every system user may open is refused like TCP.
func TestAttack_J4_OpenSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "admin.sock")
	openEndpoint(t, "admin unix/"+socket+"|0666", "")
	endpoint{t, "unix", socket}.refuses(true, "every user of the machine may open the socket")
	if err := os.Chmod(socket, 0o660); err != nil {
		t.Fatal(err)
	}
	endpoint{t, "unix", socket}.refuses(false, "")
}
