// Package harness starts the whole of Secondgate inside the test process: Caddy with the modules
// of the release, in front of a portal that the test brings. [Browser] is a client that behaves
// like a browser. The store is in memory unless the test asks for Badger.
//
// All listeners are on loopback and close with the test. Caddy has one configuration per process,
// so tests that use this package must not run in parallel.
package harness

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // the directives of the test's sites
	"github.com/caddyserver/certmagic"

	_ "github.com/secondgate/secondgate/caddyplugin" // what is tested
	"github.com/secondgate/secondgate/test/kit/port"
)

// Harness is a running gateway with a portal behind it.
type Harness struct {
	// URL is the gateway's address, PortalURL the portal's own: http://127.0.0.1:PORT.
	URL, PortalURL string
	// Dir is the store's directory, Log the file with Caddy's log as JSON lines.
	Dir, Log string

	t    testing.TB
	site string
	// storage is the engine that Load names.
	storage string
	loaded  bool
}

// Site is the usual site: the given lines of two_factor before the portal.
const Site = `two_factor {
%s
}
reverse_proxy %s`

// Start runs a gateway with these lines in the two_factor block before the portal.
func Start(t testing.TB, portal http.Handler, lines string) *Harness {
	t.Helper()
	return StartSite(t, portal, fmt.Sprintf(Site, lines, "PORTAL"))
}

// StartSite runs a gateway with this text as its site block. PORTAL in the text is replaced by the
// portal's host and port. portal may be nil.
func StartSite(t testing.TB, portal http.Handler, site string) *Harness {
	t.Helper()
	return prepare(t).serve(portal, site)
}

// StartSiteOnDisk is StartSite with the store in files, for tests that look at them.
func StartSiteOnDisk(t testing.TB, portal http.Handler, site string) *Harness {
	t.Helper()
	h := prepare(t)
	h.storage = "badger"
	return h.serve(portal, site)
}

func (h *Harness) serve(portal http.Handler, site string) *Harness {
	h.t.Helper()
	h.put(portal)
	h.Load(strings.ReplaceAll(site, "PORTAL", strings.TrimPrefix(h.PortalURL, "http://")))
	return h
}

// put starts a portal behind the gateway; nil is none.
func (h *Harness) put(portal http.Handler) {
	if portal != nil {
		server := httptest.NewServer(portal)
		h.t.Cleanup(server.Close)
		h.PortalURL = server.URL
	}
}

func prepare(t testing.TB) *Harness {
	t.Helper()
	dir := t.TempDir()
	// Caddy's own storage is a new one for each harness, as on a new machine. A harness before
	// it in the same test keeps its own.
	old := caddy.DefaultStorage
	caddy.DefaultStorage = &certmagic.FileStorage{Path: filepath.Join(dir, "caddy")}
	t.Cleanup(func() { caddy.DefaultStorage = old })
	h := &Harness{
		URL: "http://127.0.0.1:" + FreePort(t),
		Dir: filepath.Join(dir, "two_factor"), Log: filepath.Join(dir, "caddy.log"), t: t, storage: "memory",
	}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stopping Caddy: %v", err)
		}
		forget(h.Dir)
		if t.Failed() {
			raw, _ := os.ReadFile(h.Log)
			t.Logf("Caddy's log:\n%s", tail(string(raw), 8000))
		}
	})
	return h
}

// Load loads, or reloads, the gateway with this site block.
func (h *Harness) Load(site string) {
	h.t.Helper()
	if err := h.TryLoad(site); err != nil {
		h.t.Fatal(err)
	}
}

// TryLoad is Load that returns the error.
func (h *Harness) TryLoad(site string) error {
	h.site = site
	return h.load(fmt.Sprintf(`{
	admin off
	persist_config off
	auto_https off
	log {
		output file %s
		level DEBUG
	}
	servers {
		trusted_proxies static 127.0.0.2/32
		protocols h1 h2c
		enable_full_duplex
	}
	two_factor {
		storage %s %s
	}
}
%s {
	bind 127.0.0.1
%s
}
`, h.Log, h.storage, h.Dir, h.URL, site))
}

// Reload loads the same configuration once more.
func (h *Harness) Reload() {
	h.t.Helper()
	h.Load(h.site)
}

// load loads a Caddyfile and waits until only its servers listen at the address.
func (h *Harness) load(text string) error {
	if err := LoadCaddyfile(text); err != nil {
		return err
	}
	if !h.loaded { // no server was replaced
		h.loaded = true
		return nil
	}
	u, err := url.Parse(h.URL)
	if err != nil {
		return err
	}
	awaitListener(u.Port())
	return nil
}

// awaitListener waits until a replaced server has closed its listener, which Caddy does
// in the background: a connection that still came to it would be reset. Where there is
// no /proc it does not wait.
func awaitListener(port string) {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return
	}
	listening := fmt.Sprintf(":%04X 00000000:0000 0A ", n) // local port, no peer, LISTEN
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if raw, err := os.ReadFile("/proc/net/tcp"); err != nil || strings.Count(string(raw), listening) <= 1 {
			return
		}
	}
}

// LoadCaddyfile adapts and loads a whole Caddyfile.
func LoadCaddyfile(text string) error {
	adapter := caddyconfig.GetAdapter("caddyfile")
	config, warnings, err := adapter.Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return fmt.Errorf("adapting: %w", err)
	}
	for _, w := range warnings {
		if !strings.Contains(w.Message, "not formatted") {
			return fmt.Errorf("warning: %s", w.Message)
		}
	}
	return caddy.Load(config, true)
}

// LogText is what Caddy has logged until now.
func (h *Harness) LogText() string {
	h.t.Helper()
	raw, err := os.ReadFile(h.Log)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(raw)
}

// FreePort returns a TCP port on loopback that is free at the moment.
func FreePort(t testing.TB) string { return port.Number(t) }

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// StartWhole runs a gateway from a whole Caddyfile. In it, and in what TryWhole loads later, these
// words are replaced: PORTAL by the portal's host and port, PORT by the gateway's port, DIR by the
// store's directory, LOG by the log file, and HERE by the directory of both. URL is http://; a
// test that serves HTTPS sets it anew. portal may be nil.
func StartWhole(t testing.TB, portal http.Handler, caddyfile string) *Harness {
	t.Helper()
	h := prepare(t)
	h.put(portal)
	if err := h.TryWhole(caddyfile); err != nil {
		t.Fatal(err)
	}
	return h
}

// TryWhole loads a whole Caddyfile and returns the error.
func (h *Harness) TryWhole(caddyfile string) error {
	return h.load(strings.NewReplacer(
		"PORTAL", strings.TrimPrefix(h.PortalURL, "http://"), "PORT", h.URL[strings.LastIndexByte(h.URL, ':')+1:],
		"DIR", h.Dir, "LOG", h.Log, "HERE", filepath.Dir(h.Dir),
	).Replace(caddyfile))
}

// GlobalLines are the usual global options except for those of the servers.
const GlobalLines = `	admin off
	persist_config off
	auto_https off
	log {
		output file LOG
		level DEBUG
	}
`

// NewBrowser is a stranger's browser for a gateway that is no Harness: one that runs as
// a program of its own at base, http://127.0.0.1:PORT.
func NewBrowser(t testing.TB, base string) *Browser {
	t.Helper()
	return (&Harness{URL: base, t: t}).Browser()
}
