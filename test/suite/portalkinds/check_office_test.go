//go:build crash

package portalkinds

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"
	"time"
)

// office is a portal below /app with properties that gates have stumbled over.
type office struct {
	noPath bool          // the session's cookie has no Path, so it is for the directory of the page
	ticket bool          // a second cookie for /app/files, without which that page shows no user
	view   bool          // a second cookie for /app/files that says nothing
	late   time.Duration // signs in so long after its response
	bound  string        // signs out clients that send another value of this header
	body   bool          // takes and adopts a session from a field of the body
	renews bool          // a new session at the sign-in
	script bool          // scripts may read the session's cookie

	mu       sync.Mutex
	sessions map[string]*stay
}

type stay struct {
	user, value string
	since       time.Time
}

func (o *office) start(t *testing.T) string {
	t.Helper()
	o.sessions = map[string]*stay{}
	server := httptest.NewServer(o)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

const officeLines = `whoami /app/account {
anonymous redirect */login
user html "#number"
}
sign_out /app/logout
sign_in /app/login {
page /app/login
username user
password pass
}
`

func (o *office) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.stay(w, r)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	switch p := path.Clean(r.URL.Path); {
	case p == "/app/login" || strings.HasPrefix(p, "/app/login/"):
		o.login(w, r, s)
	case p == "/app/logout":
		s.user = ""
		http.Redirect(w, r, "/app/login", http.StatusFound)
	case p == "/app/account", p == "/app/files", p == "/public/orders":
		o.account(w, r, s)
	default:
		http.NotFound(w, r)
	}
}

func (o *office) stay(w http.ResponseWriter, r *http.Request) *stay {
	id := ""
	if c, err := r.Cookie("sid"); err == nil {
		id = c.Value
	} else if o.body {
		if id = r.PostFormValue("sid"); id != "" && o.sessions[id] == nil {
			o.sessions[id] = &stay{}
		}
	}
	s := o.sessions[id]
	if s == nil {
		s = o.begin(w)
	}
	if o.bound != "" && s.user != "" && r.Header.Get(o.bound) != s.value {
		*s = stay{}
	}
	return s
}

func (o *office) begin(w http.ResponseWriter) *stay {
	id := rand.Text()
	o.sessions[id] = &stay{}
	line := "sid=" + id
	if !o.script {
		line += "; HttpOnly"
	}
	if !o.noPath {
		line += "; Path=/"
	}
	w.Header().Add("Set-Cookie", line)
	return o.sessions[id]
}

func (o *office) login(w http.ResponseWriter, r *http.Request, s *stay) {
	user := r.PostFormValue("user")
	if r.Method == http.MethodPost && (user == "ada" || user == "ben") && r.PostFormValue("pass") == "long password of "+user {
		if o.renews {
			s = o.begin(w)
		}
		*s = stay{user: user, value: r.Header.Get(o.bound), since: time.Now().Add(o.late)}
		if o.ticket || o.view {
			w.Header().Add("Set-Cookie", "extra="+user+"; Path=/app/files")
		}
		fmt.Fprint(w, `<p>Welcome. <a href="/app/account">Go on</a></p>`)
		return
	}
	if o.signedIn(s) {
		o.account(w, r, s)
		return
	}
	fmt.Fprint(w, `<h1>Sign in</h1><form method=post action=/app/login><input name=user><input type=password name=pass></form>`)
}

func (o *office) signedIn(s *stay) bool { return s.user != "" && time.Now().After(s.since) }

func (o *office) account(w http.ResponseWriter, r *http.Request, s *stay) {
	_, err := r.Cookie("extra")
	if !o.signedIn(s) || o.ticket && r.URL.Path == "/app/files" && err != nil {
		http.Redirect(w, r, "/app/login", http.StatusFound)
		return
	}
	fmt.Fprintf(w, `<h1>Orders of this customer</h1><p id=number>%s</p><a href=/app/files>Files</a> <a href=/app/logout>Sign out</a>`, s.user)
}
