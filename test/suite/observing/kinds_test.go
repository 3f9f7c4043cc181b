package observing

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/secondgate/secondgate/internal/report"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// moody is a portal with sessions that a question disturbs, in one of several ways.
type moody struct {
	// renames: whoami gives a stranger another session, and the old one is dead. Signed in,
	// every hit does so.
	renames, always bool
	// remembers: whoami sends strangers to the sign-in, and that leads back there.
	remembers bool
	// pair: the session is two cookies, and dies where only one of them comes.
	pair bool

	mu       sync.Mutex
	sessions map[string]*mood
	// asked are the sessions that whoami was asked about.
	asked []string
}

type mood struct{ user, form, back, second string }

const moodyLines = `realm moody
whoami /account/me {
	anonymous status 401
	anonymous redirect */login*
	user regex ^user=(\w+)$
}
sign_in /login {
	page /login
	username user
	password password
}
sign_out /logout`

func (m *moody) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sessions == nil {
		m.sessions = map[string]*mood{}
	}
	id, s := m.session(w, r)
	if r.URL.Path == "/account/me" {
		m.whoami(w, r, id, s)
		return
	}
	if s == nil {
		id, s = m.fresh(w, &mood{})
	}
	if m.always && s.user != "" {
		m.rename(w, id, s)
	}
	switch {
	case r.URL.Path == "/login" && r.Method == http.MethodPost:
		m.login(w, r, id, s)
	case r.URL.Path == "/login":
		s.form = rand.Text()
		fmt.Fprint(w, s.form)
	default:
		fmt.Fprintf(w, "hello %s", s.user)
	}
}

func (m *moody) session(w http.ResponseWriter, r *http.Request) (string, *mood) {
	c, err := r.Cookie("sid")
	if err != nil {
		return "", nil
	}
	s := m.sessions[c.Value]
	if s == nil || !m.pair || s.second == "" {
		return c.Value, s
	}
	d, err := r.Cookie("second")
	if inside := strings.HasPrefix(r.URL.Path, "/account/"); inside && (err != nil || d.Value != s.second) {
		delete(m.sessions, c.Value)
		return c.Value, nil
	}
	return c.Value, s
}

func (m *moody) fresh(w http.ResponseWriter, s *mood) (string, *mood) {
	id := rand.Text()
	m.sessions[id] = s
	http.SetCookie(w, &http.Cookie{Name: "sid", Value: id, Path: "/"})
	return id, s
}

func (m *moody) rename(w http.ResponseWriter, id string, s *mood) {
	delete(m.sessions, id)
	m.fresh(w, s)
}

func (m *moody) whoami(w http.ResponseWriter, r *http.Request, id string, s *mood) {
	m.asked = append(m.asked, id)
	if s != nil && s.user != "" {
		if m.always {
			m.rename(w, id, s)
		}
		fmt.Fprintf(w, "user=%s", s.user)
		return
	}
	if m.renames && s != nil {
		delete(m.sessions, id)
		m.fresh(w, &mood{})
	}
	if m.remembers {
		if s == nil {
			_, s = m.fresh(w, &mood{})
		}
		s.back = r.URL.Path
		http.Redirect(w, r, "/login", http.StatusFound)
		return
	}
	w.WriteHeader(http.StatusUnauthorized)
}

func (m *moody) login(w http.ResponseWriter, r *http.Request, id string, s *mood) {
	if s.form == "" || r.FormValue("form") != s.form || r.FormValue("password") != "pw" {
		http.Redirect(w, r, "/login", http.StatusFound) // without an error
		return
	}
	s.user, s.form = r.FormValue("user"), ""
	if m.pair {
		s.second = rand.Text()
		http.SetCookie(w, &http.Cookie{Name: "second", Value: s.second, Path: "/account"})
	}
	to := "/home"
	if s.back != "" {
		to = s.back
	}
	m.rename(w, id, s)
	http.Redirect(w, r, to, http.StatusFound)
}

func (m *moody) askedAbout(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range m.asked {
		if a == id {
			return true
		}
	}
	return false
}

func signIn(b *harness.Browser, form, password string) *harness.Page {
	return b.Post("/login", url.Values{"user": {"alice"}, "password": {password}, "form": {form}})
}

// TestKinds_StrangersAreSpared: some portals replace a stranger's session when they are asked, or
// redirect to whoami after the sign-in. They get no such question, and a sign-in is still noticed.
func TestKinds_StrangersAreSpared(t *testing.T) {
	for name, portal := range map[string]*moody{"replaced": {renames: true}, "remembered": {remembers: true}} {
		t.Run(name, func(t *testing.T) {
			w := start(t, portal, moodyLines)
			b := w.Browser()
			form := b.Get("/login").Body
			w.awaits(report.Unasked, "perhaps not signed in, and this portal must not be asked about strangers", 1)
			if portal.askedAbout(b.Cookies("/")["sid"]) {
				t.Fatal("a stranger's session was asked about")
			}
			if p := signIn(b, form, "wrong"); p.Location != "/login" {
				t.Fatalf("%d %s", p.Status, p.Location)
			}
			w.awaits(report.Unasked, "perhaps not signed in, and this portal must not be asked about strangers", 2)
			if p := signIn(b, form, "pw"); p.Location != "/home" {
				t.Fatalf("observing broke the sign-in: it leads to %s", p.Location)
			}
			s := w.awaits(report.UserFree, "alice", 1)
			if s.Counts[report.SignIns]["declared path"] != 1 || len(s.Counts[report.Portal]) == 0 {
				t.Errorf("%v", s.Counts)
			}
			if p := b.Get("/home"); p.Body != "hello alice" {
				t.Errorf("after the question: %q", p.Body)
			}
		})
	}
}

// TestKinds_RenamedWhenAsked: the portal changes the session id with every request, so the old id
// is dead after a question. The browser gets the id that the question's response set.
func TestKinds_RenamedWhenAsked(t *testing.T) {
	w := start(t, &moody{always: true}, moodyLines+"\nrecheck 0")
	b := w.Browser()
	signIn(b, b.Get("/login").Body, "pw")
	for range 3 {
		before := w.report().Total(report.Took)
		if p := b.Get("/home"); p.Body != "hello alice" {
			t.Fatalf("the session is lost: %q", p.Body)
		}
		w.awaitsMore(before)
	}
	if p := b.Get("/home"); p.Body != "hello alice" {
		t.Fatalf("the session is lost: %q", p.Body)
	}
	if n := w.report().Total(report.SignIns); n != 1 {
		t.Errorf("%d sign-ins", n)
	}
}

// TestKinds_PartOfASession: a session from before, of which this page gets one cookie and
// whoami two, is not asked about until a page shows both.
func TestKinds_PartOfASession(t *testing.T) {
	portal := &moody{pair: true}
	w := start(t, portal, moodyLines)
	b := w.Browser()
	b.Base = w.PortalURL // not through the gate
	signIn(b, b.Get("/login").Body, "pw")
	jar, _ := url.Parse(w.PortalURL + "/account/")
	gate, _ := url.Parse(w.URL + "/account/")
	for _, c := range b.Client.Jar.Cookies(jar) {
		path := map[string]string{"sid": "/", "second": "/account"}[c.Name]
		b.Client.Jar.SetCookies(gate, []*http.Cookie{{Name: c.Name, Value: c.Value, Path: path}})
	}
	b.Base = w.URL
	b.Get("/home") // starts the visit; the gateway has seen none of its cookies before
	b.Get("/home")
	w.awaits(report.Unasked, "the session began before mode observe, and may have cookies that were not observed", 1)
	if p := b.Get("/home"); p.Body != "hello alice" {
		t.Fatalf("observing broke the session: %q", p.Body)
	}
	b.Get("/account/bills")
	w.awaits(report.UserFree, "alice", 1)
	if p := b.Get("/account/bills"); p.Body != "hello alice" {
		t.Fatalf("observing broke the session: %q", p.Body)
	}
	if s := w.report(); s.Counts[report.SignIns]["none seen"] != 1 {
		t.Errorf("%v", s.Counts)
	}
}
