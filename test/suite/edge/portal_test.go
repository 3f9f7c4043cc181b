package edge

import (
	"fmt"
	"io"
	"net/http"
	"sync"

	"golang.org/x/crypto/bcrypt"
)

// gate is the site's two_factor in front of an echo portal.
const gate = `two_factor {
	realm edge
	whoami /me {
		anonymous status 401
		user json user
	}
}
`

// echo is a portal that records every request. It recognises users by X-Remote-User alone. /start
// sets a session cookie, so that questions are asked about later requests.
type echo struct {
	mu   sync.Mutex
	seen []seen
}

// seen is one request as the portal got it.
type seen struct {
	*http.Request
	body string
}

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	e.mu.Lock()
	e.seen = append(e.seen, seen{r.Clone(r.Context()), string(body)})
	e.mu.Unlock()
	user := r.Header.Get("X-Remote-User")
	switch {
	case r.URL.Path == "/start":
		w.Header().Set("Set-Cookie", "PHPSESSID=1; Path=/")
	case r.URL.Path == "/me" && user == "":
		w.WriteHeader(http.StatusUnauthorized)
	case r.URL.Path == "/me":
		fmt.Fprintf(w, `{"user":%q}`, user)
		return
	}
	fmt.Fprintf(w, "page of %q", user)
}

// forget drops what was kept until now.
func (e *echo) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen = nil
}

// at returns the requests for path since the last forget.
func (e *echo) at(path string) (out []seen) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.seen {
		if s.URL.Path == path {
			out = append(out, s)
		}
	}
	return out
}

// hashed is a password's line for basic_auth.
func hashed(password string) string {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		panic(err)
	}
	return string(hash)
}
