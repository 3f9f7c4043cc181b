package browse_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/onboard/browse"
)

var alice = browse.Account{User: "alice", Password: "correct horse & <battery>"}

// serve starts a portal on loopback.
func serve(t *testing.T, pages map[string]http.HandlerFunc) string {
	t.Helper()
	mux := http.NewServeMux()
	for pattern, h := range pages {
		mux.HandleFunc(pattern, h)
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

// page is a handler for a fixed web page.
func page(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, body)
	}
}

func browser(o browse.Options) *browse.Browser {
	if o.Timeout == 0 {
		o.Timeout = 20 * time.Second
	}
	return browse.New(o)
}

// account is a portal with a sign-in for alice and with its own sessions.
func account(w http.ResponseWriter, r *http.Request) {
	c, err := r.Cookie("session")
	if err != nil || r.PostFormValue("token") != "t-"+c.Value || r.PostFormValue("login") != alice.User || r.PostFormValue("pass") != alice.Password {
		page(form("wrong"))(w, r)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "who", Value: "alice", Path: "/"})
	http.Redirect(w, r, "/home", http.StatusSeeOther)
}

func form(session string) string {
	return fmt.Sprintf(`<form action="/login" method="post"><input type=hidden name=token value="t-%s">
		<label>Customer <input name=login></label><input type=password name=pass><button>Go</button></form>`, session)
}

func loginPage(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: "session", Value: "s1"})
	page(form("s1"))(w, r)
}

func home(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie("who"); err == nil {
		page("<p id=who>"+c.Value+"</p>")(w, r)
		return
	}
	page(`<a href="/register">Register</a> <a href="/lost-login">Lost your login?</a> <a href="/login">Sign in</a>`)(w, r)
}
