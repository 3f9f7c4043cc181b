package inspect

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/secondgate/secondgate/internal/onboard/browse"
)

// shop is a small portal with traps: names that customers choose, links with side effects, cookies
// that look harmless. Fields set the deviations from the default.
type shop struct {
	// typed shows the name as it was typed; placeholder answers strangers' whoami with 200 and a
	// placeholder name; keepOld signs the old session in, too; scoped requires a second cookie for
	// /my; single ends a customer's other sessions at a sign-in; strict accepts no other spelling;
	// nameless shows a number only where it can be changed; named has the user name in JSON;
	// keepOther signs another's session in, too; basic, query and address are further ways to sign
	// in.
	typed, placeholder, keepOld, scoped, single, strict, nameless, named, keepOther, basic, query, address bool
	// more are additional pages, by path.
	more map[string]http.HandlerFunc

	mu       sync.Mutex
	sessions map[string]*visit
	asked    []string // method and address of each request
	wrong    int      // passwords in a row
	worst    int
}

type visit struct{ number, typed, key string }

var shopAccounts = map[string]string{"alice": "4711", "bob": "4712"}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.Method+" "+r.URL.RequestURI())
	v := s.visit(w, r)
	if h := s.more[r.URL.Path]; h != nil {
		h(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	switch r.URL.Path {
	case "/":
		s.front(w, v)
	case "/login":
		s.login(w, r, v)
	case "/logout":
		s.logout(w, r)
	case "/account", "/my/account":
		s.account(w, r, v)
	case "/api/me":
		s.me(w, v)
	default:
		http.NotFound(w, r)
	}
}

// visit is the request's session; everybody gets one.
func (s *shop) visit(w http.ResponseWriter, r *http.Request) *visit {
	if s.sessions == nil {
		s.sessions = make(map[string]*visit)
	}
	id := ""
	if c, err := r.Cookie("sid"); err == nil {
		id = c.Value
	} else if s.address {
		id = r.URL.Query().Get("sid")
	}
	v := s.sessions[id]
	if v == nil {
		v = s.begin(w, &visit{})
	}
	if name, password, ok := r.BasicAuth(); s.basic && ok && password == "pw-"+name {
		return &visit{number: shopAccounts[name], typed: name}
	}
	if q := r.URL.Query(); s.query && r.Method == http.MethodGet && q.Get("pass") == "pw-"+q.Get("name") && q.Get("name") != "" {
		v.number, v.typed = shopAccounts[q.Get("name")], q.Get("name")
	}
	return v
}

func (s *shop) begin(w http.ResponseWriter, v *visit) *visit {
	id := rand.Text()
	s.sessions[id] = v
	w.Header().Add("Set-Cookie", "sid="+id+"; Path=/")
	w.Header().Add("Set-Cookie", "cart_count=0; Path=/")
	return v
}

func (s *shop) front(w http.ResponseWriter, v *visit) {
	fmt.Fprint(w, `<script>var m = document.cookie.match(/cart_count=(\d+)/), s = document.cookie.match(/sid=(\w+)/)</script>`)
	if v.number == "" {
		fmt.Fprint(w, `<a href="/login">Sign in</a>`)
		return
	}
	fmt.Fprintf(w, `Hello <span class="username">%[1]s</span>, <i class="customer-number">%[2]s</i>
<a href="/account">Account</a><a href="/account/delete?id=1">x</a><a href="/vm/5/stop">x</a><a href="/orders/1/cancel">x</a>
<a href="/list?do=start">x</a><a href="/mail?token=abc">x</a><a href="/logout?everywhere=1">x</a><a href="https://elsewhere.example/">x</a>`, v.typed, v.number)
}

func (s *shop) login(w http.ResponseWriter, r *http.Request, v *visit) {
	name := strings.ToLower(strings.TrimSpace(r.PostFormValue("name")))
	if s.strict {
		name = r.PostFormValue("name")
	}
	if number := shopAccounts[name]; r.Method == http.MethodPost && number != "" && r.PostFormValue("pass") == "pw-"+name {
		s.wrong = 0
		signedIn := visit{number: number, typed: r.PostFormValue("name"), key: rand.Text()}
		if s.keepOld || s.keepOther && v.number != "" {
			*v = signedIn
		}
		for id, other := range s.sessions {
			if s.single && other.number == number {
				delete(s.sessions, id)
			}
		}
		s.begin(w, &signedIn)
		if s.scoped {
			w.Header().Add("Set-Cookie", "key="+signedIn.key+"; Path=/my")
		}
		http.Redirect(w, r, "/", http.StatusFound)
		return
	}
	if r.Method == http.MethodPost {
		s.wrong++
		s.worst = max(s.worst, s.wrong)
	}
	fmt.Fprint(w, `<form method="post" action="/login"><input name="name"><input type="password" name="pass"></form>`)
}

func (s *shop) logout(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie("sid"); err == nil && r.Method == http.MethodPost {
		delete(s.sessions, c.Value)
	}
	http.Redirect(w, r, "/", http.StatusFound)
}

// account shows a number, and a nick name that people change, which is that of the
// account at first.
func (s *shop) account(w http.ResponseWriter, r *http.Request, v *visit) {
	c, err := r.Cookie("key")
	if my := strings.HasPrefix(r.URL.Path, "/my"); v.number == "" || my && !s.scoped || my && (err != nil || c.Value != v.key) {
		http.Redirect(w, r, "/login?next=x", http.StatusFound)
		return
	}
	nick := map[string]string{"4711": "alice", "4712": "bob"}[v.number]
	number := v.number
	if s.nameless {
		number = "(none)"
		fmt.Fprintf(w, `<form method="post" action="/account"><input name="user_id" value="%s"></form>`, v.number)
	}
	fmt.Fprintf(w, `<input type="hidden" name="account_id" value="9"><b class="username">%[1]s</b><form method="post" action="/account"><input name="nick" id="username" value="%[1]s"></form>
<dl><dd id="customer-number">%[2]s</dd><dd id="balance">%[2]s.50</dd></dl><form method="post" action="/logout"></form>`, nick, number)
}

func (s *shop) me(w http.ResponseWriter, v *visit) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case s.typed && v.number != "":
		fmt.Fprintf(w, `{"login":%q}`, v.typed)
	case s.named && v.number != "":
		fmt.Fprintf(w, `{"username":%q}`, map[string]string{"4711": "alice", "4712": "bob"}[v.number])
	case s.placeholder && v.number == "":
		fmt.Fprint(w, `{"authenticated":false,"user":{"id":0}}`)
	case s.placeholder:
		fmt.Fprintf(w, `{"authenticated":true,"user":{"id":%s}}`, v.number)
	default:
		w.WriteHeader(http.StatusUnauthorized)
	}
}

var (
	alice = browse.Account{User: "alice", Password: "pw-alice"}
	bob   = browse.Account{User: "bob", Password: "pw-bob"}
)

// study inspects a shop.
func study(t *testing.T, s *shop, customers ...browse.Account) *Report {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	var progress strings.Builder
	report, err := Inspect(t.Context(), Options{URL: server.URL, Customers: customers, Progress: func(line string) { progress.WriteString(line) }})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range customers {
		if all := progress.String() + report.Caddyfile + strings.Join(report.Unlearned, " "); strings.Contains(all, c.Password) {
			t.Errorf("the password of %s is told: %s", c.User, all)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(report.Caddyfile)
		}
	})
	return report
}

// says fails the test for each part that the Caddyfile lacks. Line breaks do not matter.
func (r *Report) says(t *testing.T, parts ...string) {
	t.Helper()
	text := flat(r.Caddyfile)
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("it does not say %q", part)
		}
	}
}

func flat(text string) string {
	return strings.Join(slices.DeleteFunc(strings.Fields(text), func(w string) bool { return w == "#" }), " ")
}
