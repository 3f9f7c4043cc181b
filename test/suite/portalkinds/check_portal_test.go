package portalkinds

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// shop is a portal with a switch for each fault. Its customers are ada and ben; the password of
// each is "long password of " and the name.
type shop struct {
	form  string // before the form's end: a captcha
	after string // the page after the sign-in, instead of the account

	echo    bool // names customers as they were typed, and takes any case and blanks
	email   bool // takes name@shop.example too, and still names what was typed
	query   bool // signs in by the address too, on any page
	basic   bool // takes Basic, as apps send it
	xml     bool // XML-RPC with the password in each call
	rpc     bool // the same in JSON
	token   bool // /api/token gives a token for the password; /account takes it
	noOut   bool // signing out does nothing
	askOut  bool // a GET of the sign-out shows a form for it
	forget  bool // the sign-in reports success and signs no user in
	scripts bool // sets and reads cookies by script
	renew   bool // a new session for strangers on every page

	mu       sync.Mutex
	sessions map[string]string
}

func (s *shop) start(t *testing.T) string {
	t.Helper()
	s.sessions = map[string]string{}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// ada and ben are the lines of its customers.
var adaAndBen = []string{"ada", "long password of ada", "ben", "long password of ben"}

func (s *shop) customer(user, password string) string {
	name := user
	if s.echo {
		name = strings.ToLower(strings.TrimSpace(user))
	}
	if s.email {
		name = strings.TrimSuffix(name, "@shop.example")
	}
	if (name != "ada" && name != "ben") || password != "long password of "+name {
		return ""
	}
	if s.echo || s.email {
		return user
	}
	return name
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, user := s.session(w, r)
	if user == "" && s.query {
		if user = s.customer(r.URL.Query().Get("user"), r.URL.Query().Get("pass")); user != "" {
			s.sessions[id] = user
		}
	}
	if name, password, ok := r.BasicAuth(); ok && s.basic {
		user = s.customer(name, password)
	}
	switch r.URL.Path {
	case "/login":
		s.login(w, r, id)
	case "/logout":
		if s.askOut && r.Method == http.MethodGet {
			fmt.Fprint(w, `<p>Sure?</p><form method="post" action="/logout"><button>Sign out</button></form>`)
			return
		}
		if !s.noOut {
			delete(s.sessions, id)
		}
		http.Redirect(w, r, "/login", http.StatusFound)
	case "/xmlrpc.php", "/jsonrpc", "/api/token":
		s.machine(w, r)
	case "/account", "/":
		s.account(w, r, user)
	default:
		http.NotFound(w, r)
	}
}

func (s *shop) session(w http.ResponseWriter, r *http.Request) (id, user string) {
	if c, err := r.Cookie("sid"); err == nil {
		id = c.Value
	}
	if _, known := s.sessions[id]; !known || s.renew && s.sessions[id] == "" && r.Method == http.MethodGet {
		delete(s.sessions, id)
		id = rand.Text()
		s.sessions[id] = ""
		w.Header().Add("Set-Cookie", "sid="+id+"; Path=/")
	}
	return id, s.sessions[id]
}

func (s *shop) login(w http.ResponseWriter, r *http.Request, id string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if user := s.customer(r.PostFormValue("user"), r.PostFormValue("pass")); user != "" && r.PostFormValue("sid") == id {
		if !s.forget {
			s.sessions[id] = user
		}
		if s.after != "" {
			fmt.Fprint(w, s.after)
			return
		}
		http.Redirect(w, r, "/account", http.StatusFound)
		return
	}
	fmt.Fprintf(w, `<h1>Sign in</h1><form method=post action=/login><input type=hidden name=sid value=%q><input name=user><input type=password name=pass>%s</form>`, id, s.form)
}

func (s *shop) account(w http.ResponseWriter, r *http.Request, user string) {
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer token-of-"); ok && s.token {
		user = bearer
	}
	if user == "" {
		http.Redirect(w, r, "/login", http.StatusFound)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	script := ""
	if s.scripts {
		script = `<script>document.cookie = "layout=wide; path=/"; read("sid=");</script>`
	}
	fmt.Fprintf(w, `<h1>Orders of this customer</h1><p id=number>%s</p><a href=/logout>Sign out</a>%s`, user, script)
}

// machine is what programs talk to.
func (s *shop) machine(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	holds := strings.Contains(string(body), "long password of ada")
	switch {
	case s.xml && r.URL.Path == "/xmlrpc.php" && holds:
		fmt.Fprint(w, `<methodResponse><params><param><value>orders</value></param></params></methodResponse>`)
	case s.rpc && r.URL.Path == "/jsonrpc" && holds:
		fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"result":{"orders":[1]}}`)
	case s.token && r.URL.Path == "/api/token" && holds:
		_ = json.NewEncoder(w).Encode(map[string]string{"access_token": "token-of-ada" + base64.StdEncoding.EncodeToString(nil)})
	default:
		http.Error(w, "no", http.StatusForbidden)
	}
}

const shopLines = `whoami /account {
anonymous redirect */login*
user html "#number"
}
sign_out /logout
`

const shopSignIn = "sign_in /login {\npage /login\nusername user\npassword pass\n}\n"
