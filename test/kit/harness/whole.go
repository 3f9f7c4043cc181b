package harness

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

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
