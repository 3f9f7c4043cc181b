//go:build crash

package soaking

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// manyPortal is a portal with any number of users: the password of each is "pw-" and
// the name. It keeps nothing of strangers.
type manyPortal struct {
	mu       sync.Mutex
	sessions map[string]string
}

// tick is the interval between two messages of the portal's streams.
const tick = 100 * time.Millisecond

// mark is on every page of a signed-in user, and on no other page.
func mark(user string) string { return "secret of " + user + "." }

func newManyPortal() http.Handler {
	p := &manyPortal{sessions: make(map[string]string)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /me", p.only(func(w http.ResponseWriter, _ *http.Request, user string) { fmt.Fprintf(w, `{"user":%q}`, user) }))
	mux.HandleFunc("POST /login", p.login)
	mux.HandleFunc("GET /logout", p.logout)
	mux.HandleFunc("GET /account", p.only(account))
	mux.HandleFunc("POST /account", p.only(account))
	mux.HandleFunc("GET /download", p.only(download))
	mux.HandleFunc("GET /events", p.only(events))
	mux.HandleFunc("GET /ws", p.only(socket))
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<p>Welcome</p>") })
	return mux
}

// user is the signed-in user, "" for none.
func (p *manyPortal) user(r *http.Request) string {
	c, err := r.Cookie("PHPSESSID")
	if err != nil {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sessions[c.Value]
}

func (p *manyPortal) only(h func(http.ResponseWriter, *http.Request, string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user := p.user(r)
		if user == "" {
			http.Error(w, "sign in", http.StatusUnauthorized)
			return
		}
		h(w, r, user)
	}
}

func (p *manyPortal) login(w http.ResponseWriter, r *http.Request) {
	user := r.PostFormValue("user")
	if user == "" || r.PostFormValue("password") != "pw-"+user {
		http.Error(w, "wrong password", http.StatusForbidden)
		return
	}
	id := rand.Text()
	p.mu.Lock()
	p.sessions[id] = user
	p.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: "PHPSESSID", Value: id, Path: "/"})
	http.Redirect(w, r, "/account", http.StatusFound)
}

func (p *manyPortal) logout(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie("PHPSESSID"); err == nil {
		p.mu.Lock()
		delete(p.sessions, c.Value)
		p.mu.Unlock()
	}
	http.Redirect(w, r, "/", http.StatusFound)
}

func account(w http.ResponseWriter, r *http.Request, user string) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, "<p>%s</p>%s", mark(user), strings.Repeat("<p>0123456789</p>", 100))
}

// download answers ?size=N bytes.
func download(w http.ResponseWriter, r *http.Request, _ string) {
	size, _ := strconv.Atoi(r.FormValue("size"))
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(size))
	block := make([]byte, 32<<10)
	for size > 0 {
		n, err := w.Write(block[:min(size, len(block))])
		if err != nil {
			return
		}
		size -= n
	}
}

func events(w http.ResponseWriter, r *http.Request, user string) {
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	for {
		if _, err := fmt.Fprintf(w, "data: %s\n\n", mark(user)); err != nil || out.Flush() != nil {
			return
		}
		select {
		case <-time.After(tick):
		case <-r.Context().Done():
			return
		}
	}
}

func socket(w http.ResponseWriter, r *http.Request, user string) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer func() { _ = conn.CloseNow() }()
	ctx := conn.CloseRead(r.Context())
	for conn.Write(ctx, websocket.MessageText, []byte(mark(user))) == nil {
		select {
		case <-time.After(tick):
		case <-ctx.Done():
			return
		}
	}
}
