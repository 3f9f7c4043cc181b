package edge

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/fcgi"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestAttack_Q4_RemoteUserBesideSession: whoami identifies by REMOTE_USER, which FastCGI takes
// from basic_auth; another page identifies by the session. A basic_auth name of the attacker's own
// must not hide that the session belongs to another user.
func TestAttack_Q4_RemoteUserBesideSession(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"index.php", "me.php", "start.php", "page.php"} {
		if err := os.WriteFile(filepath.Join(root, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address := serveFCGI(t, func(w http.ResponseWriter, r *http.Request) {
		user := fcgi.ProcessEnv(r)["REMOTE_USER"]
		session, _ := r.Cookie("PHPSESSID")
		if session != nil && (user == "" || r.URL.Path == "/page.php") {
			user = "alice"
		}
		switch r.URL.Path {
		case "/start.php":
			w.Header().Set("Set-Cookie", "PHPSESSID=1; Path=/")
			fmt.Fprint(w, "signed in")
		case "/me.php":
			if user == "" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			_ = json.NewEncoder(w).Encode(map[string]string{"user": user})
		default:
			fmt.Fprintf(w, "page of %q", user)
		}
	})
	site := "basic_auth {\n mallory " + hashed("pw") + "\n}\n" +
		"two_factor {\n realm edge\n whoami /me.php {\n anonymous status 401\n user json user\n }\n}\n" +
		"root " + root + "\nphp_fastcgi " + address + "\n"
	b := harness.StartSite(t, nil, site).Browser()
	login, _ := http.NewRequest(http.MethodGet, b.Base, nil)
	login.SetBasicAuth("mallory", "pw")
	b.Header.Set("Authorization", login.Header.Get("Authorization"))
	b.Get("/start.php")
	if p := b.Get("/page.php"); strings.Contains(p.Body, "alice") {
		t.Errorf("answered %d %s", p.Status, p.Body)
	}
}
