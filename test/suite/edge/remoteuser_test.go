package edge

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/fcgi"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestK8_RemoteUser: PHP gets the REMOTE_USER that it would get without a gate: the user
// of Caddy's own authentication or none, never whoami's id, which need not be a login
// name. Whoami and the request get the same; the access log has whoami's id.
func TestK8_RemoteUser(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "index.php"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l := &harness.Legacy{}
	var mu sync.Mutex
	var users []string
	address := serveFCGI(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		users = append(users, fcgi.ProcessEnv(r)["REMOTE_USER"])
		mu.Unlock()
		l.ServeHTTP(w, r)
	})
	php := fmt.Sprintf("two_factor {\n%s\n}\nroot %s\nphp_fastcgi %s\n", harness.LegacyLines, root, address)
	for name, tt := range map[string]struct{ before, want string }{
		"whoami":                {"", ""},
		"behind authentication": {"basic_auth {\n staff " + hashed("pw") + "\n}\n", "staff"},
	} {
		mu.Lock()
		users = nil
		mu.Unlock()
		h := harness.StartSite(t, nil, "log\n"+tt.before+php)
		b := h.Browser()
		login, _ := http.NewRequest(http.MethodGet, b.Base, nil)
		login.SetBasicAuth("staff", "pw")
		b.Header.Set("Authorization", login.Header.Get("Authorization"))
		if p := b.SignInAndGo("carol"); !strings.Contains(p.Body, harness.SecretOf("carol")) {
			t.Fatalf("%s: %d %s", name, p.Status, p.Body)
		}
		mu.Lock()
		// A question about the cookies alone has no remote user.
		other := func(user string) bool { return user != tt.want && user != "" }
		if slices.ContainsFunc(users, other) || !slices.Contains(users, tt.want) {
			t.Errorf("%s: REMOTE_USER is %q", name, users)
		}
		mu.Unlock()
		if !strings.Contains(h.LogText(), `"user_id":"carol"`) {
			t.Errorf("%s: the access log does not name the user", name)
		}
	}
}

// serveFCGI serves FastCGI on loopback until the test ends, and returns its address.
func serveFCGI(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- fcgi.Serve(l, handler) }()
	t.Cleanup(func() {
		l.Close()
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	return l.Addr().String()
}
