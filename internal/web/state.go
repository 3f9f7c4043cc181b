package web

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/securecookie"

	"github.com/secondgate/secondgate/internal/store"
)

// CookiePrefix begins the names of all cookies of this package; over HTTPS
// "__Host-" stands before it. The gateway forwards none of them.
const CookiePrefix = "secondgate-"

// hostPrefix makes a browser refuse the cookie from other hosts and over plain HTTP (RFC 6265bis).
const hostPrefix = "__Host-"

// maxCookie keeps name, value and attributes of a cookie below the 4,096 bytes that
// every browser keeps.
const maxCookie = 3900

var errTooLong = errors.New("state is too long for a cookie")

// State keeps our own small state in the browser: a set-up in progress, where to
// return to, backup codes just made, a message. Each piece is encrypted and
// authenticated, bound to realm and user and, where it says so, to one clearance,
// and ends by itself. Nobody else can read, make or move it.
type State struct {
	realm  string
	codecs []*securecookie.SecureCookie
	clock  func() time.Time
}

// NewState makes the state of a realm from generations of keys, newest first: the
// newest seals, all open. Hash keys have 32 or 64 bytes, block keys 32 (AES-256).
func NewState(realm string, hash, block [][]byte, clock func() time.Time) (*State, error) {
	if len(hash) == 0 || len(hash) != len(block) {
		return nil, fmt.Errorf("%d hash keys and %d block keys: want as many, one at least", len(hash), len(block))
	}
	s := &State{realm: realm, clock: clock}
	for i := range hash {
		if len(hash[i]) < 32 || len(block[i]) != 32 {
			return nil, fmt.Errorf("keys of generation %d have %d and %d bytes: want 32", i, len(hash[i]), len(block[i]))
		}
		// Ends are within the sealed values, by our clock; securecookie's are switched off.
		codec := securecookie.New(hash[i], block[i]).SetSerializer(securecookie.JSONEncoder{}).MaxAge(0).MaxLength(maxCookie)
		s.codecs = append(s.codecs, codec)
	}
	return s, nil
}

// piece is one kind of state.
type piece struct {
	name string
	life time.Duration
}

// The pieces. A set-up lasts as long as the factor package accepts its confirmation.
var (
	setupPiece  = piece{"setup", time.Hour}
	returnPiece = piece{"return", time.Hour}
	codesPiece  = piece{"codes", 10 * time.Minute}
	flashPiece  = piece{"flash", 5 * time.Minute}
)

// owner is whom a piece belongs to; Visit is zero where any visit of the user will do.
type owner struct {
	User  string
	Visit store.VisitID
}

// envelope is what is sealed.
type envelope[T any] struct {
	Realm string
	Owner owner
	Until time.Time
	Data  T
}

func cookieName(name string, secure bool) string {
	if secure {
		return hostPrefix + CookiePrefix + name
	}
	return CookiePrefix + name
}

// put writes a piece, or returns errTooLong.
func put[T any](s *State, w http.ResponseWriter, p piece, o owner, data T, secure bool) error {
	name := cookieName(p.name, secure)
	value, err := s.codecs[0].Encode(name, envelope[T]{s.realm, o, s.clock().Add(p.life), data})
	if err != nil {
		return fmt.Errorf("%w: %s", errTooLong, p.name)
	}
	setCookie(w, name, value, p.life, secure)
	return nil
}

// get reads a piece that belongs to o. A browser may send several cookies of one
// name, of which others may be planted: the first that opens counts.
func get[T any](s *State, r *http.Request, p piece, o owner, secure bool) (data T, ok bool) {
	name := cookieName(p.name, secure)
	for _, cookie := range r.CookiesNamed(name) {
		for _, codec := range s.codecs {
			var e envelope[T]
			if codec.Decode(name, cookie.Value, &e) != nil {
				continue
			}
			if e.Realm == s.realm && e.Owner == o && s.clock().Before(e.Until) {
				return e.Data, true
			}
		}
	}
	return data, false
}

// drop deletes a piece in the browser, if it sent one.
func (s *State) drop(w http.ResponseWriter, r *http.Request, p piece, secure bool) {
	name := cookieName(p.name, secure)
	if len(r.CookiesNamed(name)) > 0 {
		setCookie(w, name, "", -time.Second, secure)
	}
}

// setCookie replaces what this response has set for the name before.
func setCookie(w http.ResponseWriter, name, value string, life time.Duration, secure bool) {
	set := w.Header()["Set-Cookie"]
	kept := set[:0:0]
	for _, line := range set {
		if !strings.HasPrefix(line, name+"=") {
			kept = append(kept, line)
		}
	}
	cookie := &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(life / time.Second),
		Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	w.Header()["Set-Cookie"] = append(kept, cookie.String())
}
