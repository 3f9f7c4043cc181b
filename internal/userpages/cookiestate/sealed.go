// Package cookiestate keeps small state of the own pages in the browser, in cookies that
// only Secondgate can read and make.
//
// Its one invariant: a piece opens only for the realm, the owner and the name that it
// was sealed for, and only until its end.
package cookiestate

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/securecookie"

	"github.com/secondgate/secondgate/internal/portal/cookie"
	"github.com/secondgate/secondgate/internal/store"
)

// CookiePrefix begins the names of all cookies of the own pages; over HTTPS
// "__Host-" stands before it. The gateway forwards none of them. Names are
//
//	secondgate-NAME            in the realm "default", and for what all realms share
//	secondgate-RRRRRRRR.NAME   in any other realm, with its tag (cookie.RealmTag)
//
// so that portals of several realms on one host don't replace each other's pieces.
const CookiePrefix = "secondgate-"

// hostPrefix makes a browser refuse the cookie from other hosts and over plain HTTP (RFC 6265bis).
const hostPrefix = "__Host-"

// maxCookie keeps name, value and attributes of a cookie below the 4,096 bytes that
// every browser keeps.
const maxCookie = 3900

// ErrTooLong: a piece does not fit into a cookie; nothing was written.
var ErrTooLong = errors.New("state is too long for a cookie")

// Box seals the pieces of a realm. Each is encrypted and authenticated, bound to realm
// and user and, where it says so, to one clearance, and ends by itself. Nobody else
// can read, make or move it. Safe for concurrent use.
type Box struct {
	realm string
	// prefix stands before a piece's name in the cookie's: the realm's tag and a dot.
	prefix string
	codecs []*securecookie.SecureCookie
	clock  func() time.Time
}

// New makes the box of a realm from generations of keys, newest first: the newest
// seals, all open. Hash keys have 32 or 64 bytes, block keys 32 (AES-256).
func New(realm string, hash, block [][]byte, clock func() time.Time) (*Box, error) {
	if len(hash) == 0 || len(hash) != len(block) {
		return nil, fmt.Errorf("%d hash keys and %d block keys: want as many, one at least", len(hash), len(block))
	}
	b := &Box{realm: realm, clock: clock}
	if tag := cookie.RealmTag(realm); tag != "" {
		b.prefix = tag + "."
	}
	for i := range hash {
		if len(hash[i]) < 32 || len(block[i]) != 32 {
			return nil, fmt.Errorf("keys of generation %d have %d and %d bytes: want 32", i, len(hash[i]), len(block[i]))
		}
		// Ends are within the sealed values, by our clock; securecookie's are switched off.
		codec := securecookie.New(hash[i], block[i]).SetSerializer(securecookie.JSONEncoder{}).MaxAge(0).MaxLength(maxCookie)
		b.codecs = append(b.codecs, codec)
	}
	return b, nil
}

// Piece is one kind of state: its name, which the cookie has too, and how long it lasts.
type Piece struct {
	Name string
	Life time.Duration
}

// Owner is whom a piece belongs to; Visit is zero where any visit of the user will do.
type Owner struct {
	User  string
	Visit store.VisitID
}

// envelope is what is sealed.
type envelope[T any] struct {
	Realm string
	Owner Owner
	Until time.Time
	Data  T
}

// CookieName returns the cookie's name of a piece in this realm.
func (b *Box) CookieName(name string, secure bool) string { return CookieName(b.prefix+name, secure) }

// CookieName returns the name of a cookie that all realms of a host share: with a prefix
// that browsers enforce where the browser speaks HTTPS.
func CookieName(name string, secure bool) string {
	if secure {
		return hostPrefix + CookiePrefix + name
	}
	return CookiePrefix + name
}

// Put writes a piece, or returns ErrTooLong.
func Put[T any](b *Box, w http.ResponseWriter, p Piece, o Owner, data T, secure bool) error {
	name := b.CookieName(p.Name, secure)
	value, err := b.codecs[0].Encode(name, envelope[T]{b.realm, o, b.clock().Add(p.Life), data})
	if err != nil {
		return fmt.Errorf("%w: %s", ErrTooLong, p.Name)
	}
	SetCookie(w, name, value, p.Life, secure)
	return nil
}

// Get reads a piece that belongs to o. A browser may send several cookies of one
// name, of which others may be planted: the first that opens counts.
func Get[T any](b *Box, r *http.Request, p Piece, o Owner, secure bool) (data T, ok bool) {
	name := b.CookieName(p.Name, secure)
	for _, c := range r.CookiesNamed(name) {
		for _, codec := range b.codecs {
			var e envelope[T]
			if codec.Decode(name, c.Value, &e) != nil {
				continue
			}
			if e.Realm == b.realm && e.Owner == o && b.clock().Before(e.Until) {
				return e.Data, true
			}
		}
	}
	return data, false
}

// Drop deletes a piece in the browser, if it sent one.
func (b *Box) Drop(w http.ResponseWriter, r *http.Request, p Piece, secure bool) {
	name := b.CookieName(p.Name, secure)
	if len(r.CookiesNamed(name)) > 0 {
		SetCookie(w, name, "", -time.Second, secure)
	}
}

// SetCookie replaces what this response has set for the name before.
func SetCookie(w http.ResponseWriter, name, value string, life time.Duration, secure bool) {
	set := w.Header()["Set-Cookie"]
	kept := set[:0:0]
	for _, line := range set {
		if !strings.HasPrefix(line, name+"=") {
			kept = append(kept, line)
		}
	}
	c := &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(life / time.Second),
		Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	w.Header()["Set-Cookie"] = append(kept, c.String())
}
