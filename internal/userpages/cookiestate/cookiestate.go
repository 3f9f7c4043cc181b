// Package cookiestate keeps small state of the own pages in the browser, in cookies that
// only Secondgate can read and make. Packages userpages and staffpages declare a [Field]
// for each kind of state, and read and write it through the [Browser] of a request.
//
// A cookie opens only for the realm, the owner and the field that it was sealed for, and
// only until its end.
package cookiestate

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
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
// so that portals of several realms on one host don't replace each other's state.
const CookiePrefix = "secondgate-"

// hostPrefix makes a browser refuse the cookie from other hosts and over plain HTTP (RFC 6265bis).
const hostPrefix = "__Host-"

// maxCookie keeps name, value and attributes of a cookie below the 4,096 bytes that
// every browser keeps.
const maxCookie = 3900

// ErrTooLong says that the state does not fit into a cookie. Nothing was written.
var ErrTooLong = errors.New("state is too long for a cookie")

// Store seals the state of a realm: each cookie is encrypted, authenticated, and bound to
// realm, field and owner. Safe for concurrent use.
type Store struct {
	realm string
	// prefix is the realm's tag and a dot, or empty. It precedes the field's name in the
	// cookie's name.
	prefix string
	codecs []*securecookie.SecureCookie
	clock  func() time.Time
}

// New returns the store of a realm. The keys are given newest first: the newest pair seals,
// and all of them open. Hash keys have at least 32 bytes, block keys 32 (AES-256).
func New(realm string, hash, block [][]byte, clock func() time.Time) (*Store, error) {
	if len(hash) == 0 || len(hash) != len(block) {
		return nil, fmt.Errorf("%d hash keys and %d block keys: want as many, one at least", len(hash), len(block))
	}
	s := &Store{realm: realm, clock: clock}
	if tag := cookie.RealmTag(realm); tag != "" {
		s.prefix = tag + "."
	}
	for i := range hash {
		if len(hash[i]) < 32 || len(block[i]) != 32 {
			return nil, fmt.Errorf("keys of generation %d have %d and %d bytes: want 32", i, len(hash[i]), len(block[i]))
		}
		// securecookie's own expiry is switched off (MaxAge 0), because it does not use our
		// clock. The sealed envelope has the expiry instead.
		codec := securecookie.New(hash[i], block[i]).SetSerializer(securecookie.JSONEncoder{}).MaxAge(0).MaxLength(maxCookie)
		s.codecs = append(s.codecs, codec)
	}
	return s, nil
}

// Browser is the store for one request: state is read from the cookies of R and written to
// the response W. R may be nil if the caller only writes.
type Browser struct {
	*Store
	W http.ResponseWriter
	R *http.Request
	// Secure says that the browser speaks HTTPS.
	Secure bool
}

// Field is one kind of state: its name, which is a part of the cookie's name, and its life.
type Field[T any] struct {
	Name string
	Life time.Duration
}

// Owner is whom state belongs to. Only a request of the same user and visit can read it.
// Visit is zero if any visit of the user may.
type Owner struct {
	User  string
	Visit store.VisitID
}

// envelope is the content of a sealed cookie.
type envelope[T any] struct {
	Realm string
	Owner Owner
	Until time.Time
	Data  T
}

// CookieName returns the cookie's name of a field in this realm.
func (s *Store) CookieName(name string, secure bool) string { return CookieName(s.prefix+name, secure) }

// CookieName returns the name of a cookie that all realms of a host share. Over HTTPS it has
// the prefix __Host-, so that other hosts can't set the cookie.
func CookieName(name string, secure bool) string {
	if secure {
		return hostPrefix + CookiePrefix + name
	}
	return CookiePrefix + name
}

// Put writes the state, or returns ErrTooLong.
func (f Field[T]) Put(b Browser, o Owner, data T) error {
	name := b.CookieName(f.Name, b.Secure)
	value, err := b.codecs[0].Encode(name, envelope[T]{b.realm, o, b.clock().Add(f.Life), data})
	if err != nil {
		return fmt.Errorf("%w: %s", ErrTooLong, f.Name)
	}
	SetCookie(b.W, name, value, f.Life, b.Secure)
	return nil
}

// Get reads the state that belongs to o. A browser may send several cookies of one name, and
// other hosts of the domain may have planted some. Get returns the first that opens.
func (f Field[T]) Get(b Browser, o Owner) (data T, ok bool) {
	name := b.CookieName(f.Name, b.Secure)
	for _, c := range b.R.CookiesNamed(name) {
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

// Drop deletes the state in the browser, if the browser sent any.
func (f Field[T]) Drop(b Browser) {
	name := b.CookieName(f.Name, b.Secure)
	if len(b.R.CookiesNamed(name)) > 0 {
		SetCookie(b.W, name, "", -time.Second, b.Secure)
	}
}

// Take reads the state and deletes it in the browser. State of another owner is deleted too.
func (f Field[T]) Take(b Browser, o Owner) (data T, ok bool) {
	defer f.Drop(b)
	return f.Get(b, o)
}

// SetCookie sets a cookie in the response. It replaces a Set-Cookie of the same name that
// the response already has.
func SetCookie(w http.ResponseWriter, name, value string, life time.Duration, secure bool) {
	same := func(line string) bool { return strings.HasPrefix(line, name+"=") }
	kept := slices.DeleteFunc(slices.Clone(w.Header()["Set-Cookie"]), same)
	c := &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(life / time.Second),
		Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	w.Header()["Set-Cookie"] = append(kept, c.String())
}
