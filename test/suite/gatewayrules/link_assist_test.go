package gatewayrules

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestLink_Assist: pages for every user get the script before any other, with the nonce of the
// portal's policy. Other responses do not.
func TestLink_Assist(t *testing.T) {
	const page = `<!doctype html><html><head><meta charset=utf-8><script src=/app.js></script></head><body>x</body></html>`
	h := harness.Start(t, pages(func(w http.ResponseWriter, r *http.Request) {
		html(w)
		if r.URL.Path == "/p/strict" {
			w.Header().Set("Content-Security-Policy", "script-src 'nonce-abc123=' 'strict-dynamic'")
		}
		w.Header().Set("Cache-Control", "public, max-age=60")
		fmt.Fprint(w, page)
	}), harness.LegacyLines+"\nassist")
	b := h.Browser()
	for path, tag := range map[string]string{
		"/p/":       `<script src="/two-factor/assets/assist.js"></script>`,
		"/p/strict": `<script src="/two-factor/assets/assist.js" nonce="abc123="></script>`,
	} {
		if p := b.Get(path); p.Body != strings.Replace(page, "<head>", "<head>"+tag, 1) {
			t.Errorf("%s: %s", path, p.Body)
		}
	}
	if p := b.Fetch(http.MethodGet, "/p/", "", ""); p.Body != page {
		t.Errorf("fetched: %s", p.Body)
	}
	if p := b.Get("/two-factor/help"); p.Status != http.StatusOK || strings.Contains(p.Body, "assist.js") {
		t.Errorf("the own page: %d %s", p.Status, p.Body)
	}
	if p := b.Get("/two-factor/assets/assist.js"); p.Status != http.StatusOK || !strings.HasPrefix(p.Header.Get("Content-Type"), "text/javascript") {
		t.Errorf("the script: %d %v", p.Status, p.Header)
	}
}
