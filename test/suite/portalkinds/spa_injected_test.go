//go:build browser

package portalkinds

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/browser"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestAssist_Injected: `assist` gives a portal that does not include the script the same behaviour
// as in TestAssist. The portal's policy allows only scripts with the response's nonce.
func TestAssist_Injected(t *testing.T) {
	const tag = `<script src="/two-factor/assets/assist.js"></script>`
	bare := strings.Replace(appPage, tag+"\n", "", 1)
	bare = strings.Replace(bare, "<script ", `<script nonce="c3RyaWN0" `, 1)
	if strings.Contains(bare, "assist") || strings.Count(bare, "c3RyaWN0") != 1 {
		t.Fatalf("the page is another than this test was written for:\n%s", bare)
	}
	k := appKinds[1]
	a := newApp()
	behind := shell(k.handler(a))
	portal := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/app.js" || strings.HasPrefix(r.URL.Path, "/api/") {
			behind.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", strings.Replace(policy, "'self'", "'nonce-c3RyaWN0' 'strict-dynamic'", 1))
		fmt.Fprint(w, bare)
	})
	h := &appHarness{harness.Start(t, portal, k.lines+"\nassist\n"), a, t}
	_, device := h.enrolledBy(k)
	v := &appVisitor{browser.Start(t), t}
	at := h.URL + "/invoices"
	v.Open(at)
	v.submit("alice", "pw-alice")
	v.challenged(h.URL, device)
	if v.URL() != at {
		t.Errorf("the code leads to %s, want %s", v.URL(), at)
	}
	v.shows("user", "alice")
}
