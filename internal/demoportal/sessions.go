package demoportal

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"regexp"
	"time"
)

// Names and lives of the portal's cookies.
const (
	SessionCookie  = "portal_session"
	RememberCookie = "portal_remember"

	sessionIdle  = 2 * time.Hour
	rememberLife = 30 * 24 * time.Hour
	// maxSessions bounds the memory that strangers can take.
	maxSessions = 10_000
)

// session is the server's record for a SessionCookie. customer is 0 while no customer is
// signed in. Portal.mu guards customer and seen.
type session struct {
	customer int
	// token is the anti-forgery token of this session's forms.
	token string
	seen  time.Time
}

type remembrance struct {
	customer int
	expires  time.Time
}

// sessionID matches ids that open accepts from a client.
var sessionID = regexp.MustCompile(`^[A-Za-z0-9,-]{16,128}$`)

type sessionKey struct{}

// withSession puts each request's session into its context, for sessionOf.
func (p *Portal) withSession(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), sessionKey{}, p.open(w, r))))
	})
}

func sessionOf(r *http.Request) *session { return r.Context().Value(sessionKey{}).(*session) }

// open returns the request's session, and starts one if there is none. It accepts an unknown
// id from the client, as PHP does by default, so an attacker can choose it.
func (p *Portal) open(w http.ResponseWriter, r *http.Request) *session {
	var id string
	if c, err := r.Cookie(SessionCookie); err == nil && sessionID.MatchString(c.Value) {
		id = c.Value
	} else {
		id = rand.Text()
		http.SetCookie(w, &http.Cookie{Name: SessionCookie, Value: id, Path: "/", HttpOnly: true})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.Clock()
	s := p.sessions[id]
	if s == nil || now.Sub(s.seen) > sessionIdle {
		p.makeRoom(now)
		s = &session{token: rand.Text()}
		p.sessions[id] = s
	}
	s.seen = now
	return s
}

// makeRoom drops idle sessions once there are too many, and any others if that is
// not enough.
func (p *Portal) makeRoom(now time.Time) {
	if len(p.sessions) < maxSessions {
		return
	}
	for id, s := range p.sessions {
		if now.Sub(s.seen) > sessionIdle {
			delete(p.sessions, id)
		}
	}
	for id := range p.sessions {
		if len(p.sessions) < maxSessions {
			return
		}
		delete(p.sessions, id)
	}
}

// signedIn returns the customer who is signed in. It first signs in a browser with a valid
// RememberCookie.
func (p *Portal) signedIn(r *http.Request) (Customer, bool) {
	s := sessionOf(r)
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.customer == 0 {
		s.customer = p.recall(r)
	}
	return customerByID(s.customer)
}

// signIn makes the request's session the customer's. Its id stays what it was.
func (p *Portal) signIn(w http.ResponseWriter, r *http.Request, c Customer, remember bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	sessionOf(r).customer = c.ID
	if !remember {
		return
	}
	token := rand.Text()
	p.remembered[sha256.Sum256([]byte(token))] = remembrance{c.ID, p.Clock().Add(rememberLife)}
	http.SetCookie(w, &http.Cookie{
		Name: RememberCookie, Value: token, Path: "/", HttpOnly: true,
		MaxAge: int(rememberLife / time.Second),
	})
}

// recall returns the id of the customer to whom the request's RememberCookie belongs, or 0.
// The caller must hold p.mu.
func (p *Portal) recall(r *http.Request) int {
	c, err := r.Cookie(RememberCookie)
	if err != nil {
		return 0
	}
	m, ok := p.remembered[sha256.Sum256([]byte(c.Value))]
	if !ok || p.Clock().After(m.expires) {
		return 0
	}
	return m.customer
}

// signOut deletes the session and the RememberCookie's record, and both cookies.
func (p *Portal) signOut(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, err := r.Cookie(SessionCookie); err == nil {
		delete(p.sessions, c.Value)
	}
	if c, err := r.Cookie(RememberCookie); err == nil {
		delete(p.remembered, sha256.Sum256([]byte(c.Value)))
	}
	for _, name := range []string{SessionCookie, RememberCookie} {
		http.SetCookie(w, &http.Cookie{Name: name, Path: "/", HttpOnly: true, MaxAge: -1})
	}
}
