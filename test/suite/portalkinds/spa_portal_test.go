package portalkinds

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// app is a single-page portal with scripts that keep a bearer token. It accepts the token in each
// place that RFC 6750 allows. Users are alice, bob and carol; the password of each is "pw-" and
// the name.
type app struct {
	// Stateless tokens cannot be revoked, as those that only carry a signature.
	Stateless bool
	// Answer, if set, writes the response of a sign-in that gave this token.
	Answer func(w http.ResponseWriter, token string)

	mu      sync.Mutex
	tokens  map[string]string
	made    int
	headers []http.Header
}

func newApp() *app { return &app{tokens: map[string]string{}} }

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user := a.user(r)
	switch r.URL.Path {
	case "/", "/page":
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<title>App</title>")
	case "/api/token":
		a.signIn(w, r)
	case "/api/me":
		if user == "" {
			http.Error(w, "Unauthorized", http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, `{"user":{"id":%q}}`, user)
	case "/api/revoke":
		if !a.Stateless {
			a.mu.Lock()
			delete(a.tokens, bearer(r))
			a.mu.Unlock()
		}
	case "/ws":
		socket(w, r)
	default:
		a.mu.Lock()
		a.headers = append(a.headers, r.Header.Clone())
		a.mu.Unlock()
		fmt.Fprintf(w, "SECRET-%s-%s", r.URL.Path, user)
	}
}

func bearer(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// user returns the user of the token in header, query or body.
func (a *app) user(r *http.Request) string {
	token := bearer(r)
	if token == "" && r.URL.Path != "/api/token" {
		token = a.beside(r)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.tokens[token]
}

func (a *app) beside(r *http.Request) string {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return r.FormValue("access_token")
	}
	var body struct {
		Token string `json:"access_token"`
	}
	raw, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(raw, &body)
	return body.Token
}

// signIn answers a password, or a refresh token, which is the access token here.
func (a *app) signIn(w http.ResponseWriter, r *http.Request) {
	user := r.PostFormValue("username")
	if old := r.PostFormValue("refresh"); old != "" {
		a.mu.Lock()
		user = a.tokens[old]
		a.mu.Unlock()
	} else if r.PostFormValue("password") != "pw-"+user {
		user = ""
	}
	w.Header().Set("Content-Type", "application/json")
	if user == "" {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"error":"invalid_grant"}`)
		return
	}
	token := a.Make(user)
	if a.Answer != nil {
		a.Answer(w, token)
		return
	}
	fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer"}`, token)
}

// Make is a token as the portal gives them, got around the gate.
func (a *app) Make(user string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.made++
	token := fmt.Sprintf("TOKEN-%s-%d", user, a.made)
	a.tokens[token] = user
	return token
}

// socket accepts every client; the client authenticates in a frame, as in Node-RED.
func socket(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer c.CloseNow()
	_ = c.Write(context.Background(), websocket.MessageText, []byte("hello "+r.Header.Get("Authorization")))
	<-c.CloseRead(context.Background()).Done()
}

const appLines = `	credential header Authorization
	whoami /api/me {
		anonymous status 401
		user json user.id
	}
	sign_in /api/token {
		username username
		password password
		token json access_token
	}
	sign_out /api/revoke
`

type appHarness struct {
	*harness.Harness
	*app
	t *testing.T
}

func startApp(t *testing.T, a *app, extra string) *appHarness {
	t.Helper()
	return &appHarness{harness.Start(t, a, appLines+extra), a, t}
}

// tab is a page of the app in a browser: its visit, and the token that its script keeps.
type tab struct {
	*harness.Browser
	h     *appHarness
	token string
}

func (h *appHarness) open() *tab {
	h.t.Helper()
	b := h.Browser()
	if got := b.Get("/"); got.Status != http.StatusOK {
		h.t.Fatalf("the app does not load: %d", got.Status)
	}
	return &tab{Browser: b, h: h}
}

// signIn sends the password as the app's script does, and keeps the token.
func (b *tab) signIn(user string) *harness.Page {
	b.h.t.Helper()
	p := b.send(http.MethodPost, "/api/token", "username="+user+"&password=pw-"+user)
	var got struct {
		Token string `json:"access_token"`
	}
	if p.Status == http.StatusOK {
		_ = json.Unmarshal([]byte(p.Body), &got)
		b.token = got.Token
	}
	return p
}

// send is a script's request with the token that it keeps.
func (b *tab) send(method, path, form string) *harness.Page {
	b.h.t.Helper()
	if b.token != "" {
		b.Header.Set("Authorization", "Bearer "+b.token)
		defer b.Header.Del("Authorization")
	}
	kind := ""
	if form != "" {
		kind = "application/x-www-form-urlencoded"
	}
	return b.Fetch(method, path, kind, form)
}

// enrolled is a tab in which the user set up a second factor and is signed in.
func (h *appHarness) enrolled(user string) (*tab, *harness.Device) {
	h.t.Helper()
	b := h.open()
	if p := b.signIn(user); p.Status != http.StatusOK || b.token == "" {
		h.t.Fatalf("%s, who owes nothing, can't sign in: %d %s", user, p.Status, p.Body)
	}
	return b, b.Enrol()
}

// refused checks that the gate refused a script's request, and that the response has no user's
// data.
func refused(t *testing.T, what string, p *harness.Page) {
	t.Helper()
	if p.Status != http.StatusUnauthorized || p.Header.Get("Content-Type") != "application/problem+json" ||
		!strings.Contains(p.Body, `"challenge":"/two-factor/challenge"`) {
		t.Errorf("%s: %d %s %.300s, want the challenge", what, p.Status, p.Header.Get("Content-Type"), p.Body)
	}
	quiet(t, what, p)
}

func quiet(t *testing.T, what string, p *harness.Page) {
	t.Helper()
	text := p.Body + fmt.Sprint(p.Header)
	if strings.Contains(text, "SECRET") || strings.Contains(text, "TOKEN") {
		t.Errorf("%s: released %.300s", what, text)
	}
}

func passes(t *testing.T, what string, p *harness.Page, user string) {
	t.Helper()
	if p.Status != http.StatusOK || !strings.HasSuffix(p.Body, "-"+user) {
		t.Errorf("%s: %d %.300s, want %s's", what, p.Status, p.Body, user)
	}
}

func gzipped(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	defer z.Close()
	_, _ = io.WriteString(z, text)
}
