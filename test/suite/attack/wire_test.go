package attack

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// wire sends a request's bytes and returns the answer's.
func wire(t *testing.T, h *harness.Harness, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(h.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(bufio.NewReader(c))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func cookieLine(b *harness.Browser) string {
	var pairs []string
	for name, value := range b.Cookies("/") {
		pairs = append(pairs, name+"="+value)
	}
	if pairs == nil {
		return ""
	}
	return "Cookie: " + strings.Join(pairs, "; ") + "\n"
}

// TestAttack_OpaqueTarget: a request target without a slash has no path that a rule
// could be asked about.
func TestAttack_OpaqueTarget(t *testing.T) {
	portal := &harness.Legacy{}
	h := harness.Start(t, portal, harness.LegacyLines+"\ndeny /xmlrpc.php")
	host := strings.TrimPrefix(h.URL, "http://")
	for _, target := range []string{"x:xmlrpc.php", "x:y/xmlrpc.php", "http:xmlrpc.php", "http:/xmlrpc.php", "x://" + host + "/xmlrpc.php", "http://" + host + "//xmlrpc.php"} {
		raw := wire(t, h, "GET "+target+" HTTP/1.1\nHost: "+host+"\nConnection: close\n\n")
		if all := portal.Requests(); len(all) > 0 {
			t.Errorf("%s: reached the portal as %q: %.40q", target, all[len(all)-1].RequestURI, raw)
		}
	}
}

// TestAttack_StragglerRedirect: a late request with an old token is redirected to its own address,
// on this origin.
func TestAttack_StragglerRedirect(t *testing.T) {
	h := harness.Start(t, &harness.Legacy{}, harness.LegacyLines)
	b := h.Browser()
	b.SignIn("alice")
	old := b.Clone()
	b.Enrol()
	for _, target := range []string{"//evil.example/x", "/\\evil.example", "/%5cevil.example", "/.//evil.example"} {
		raw := wire(t, h, fmt.Sprintf("GET %s HTTP/1.1\nHost: %s\nConnection: close\nSec-Fetch-Mode: navigate\nAccept: text/html\n%s\n",
			target, strings.TrimPrefix(h.URL, "http://"), cookieLine(old)))
		for line := range strings.Lines(raw) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			if strings.EqualFold(name, "Location") && (!strings.HasPrefix(value, "/") || strings.HasPrefix(value, "//") || strings.Contains(value, "\\") || strings.Contains(value, ".//")) {
				t.Errorf("%s is sent to %q", target, value)
			}
		}
	}
	if p := old.Get("/account?x=1"); p.Status != http.StatusTemporaryRedirect || p.Location != "/account?x=1" {
		t.Errorf("a straggler: %d %q", p.Status, p.Location)
	}
}

// TestAttack_PublicWithQueryCredential: a public asset is requested without any credential,
// including those in the query.
func TestAttack_PublicWithQueryCredential(t *testing.T) {
	portal := &harness.Legacy{Before: func(_ *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
		switch user := r.URL.Query().Get("token"); {
		case r.URL.Path == "/me" && user == "":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/me":
			fmt.Fprintf(w, `{"user":%q}`, user)
		default:
			w.Header().Set("Content-Type", "image/png")
			fmt.Fprint(w, "picture of "+user)
		}
		return true
	}}
	h := harness.Start(t, portal, harness.LegacyLines+"\ncredential query token\npublic /img/*")
	if p := h.Browser().Fetch(http.MethodGet, "/img/me?token=alice", "", ""); strings.Contains(p.Body, "alice") {
		t.Errorf("%d %s", p.Status, p.Body)
	}
}
