package portal

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"sync/atomic"

	"github.com/secondgate/secondgate/internal/portal/cookie"
)

// Jar is the portal's cookies in one visit at one time. A Jar is immutable; changes make another
// one.
type Jar struct {
	// The fields up to anyPath are computed once, by newJar, and read by every request; they are
	// adjacent for the processor's cache.
	key JarKey
	// owner is the one user that cookies are stamped with, if any are; several says that
	// there are more than one.
	owner string
	// views caches the views that were asked for, by the cookies in them.
	views atomic.Pointer[[]maskedView]
	// everywhere is the only view of a jar in which all cookies have the path /. It is valid only if
	// anyPath is true.
	everywhere              View
	empty, several, anyPath bool

	// cookies are in the order in which a browser would send them.
	cookies []held
	// passthrough are cookies that the operator named under `leave`. They are not sealed and
	// count as credentials. public are those of the built-in list, which are no credentials.
	passthrough, public []pair
}

// JarKey is a digest of credentials. Jar.Key and View.Key are computed differently, so they must
// not be compared with one another.
type JarKey [sha256.Size]byte

type held struct {
	Cookie
	// tag is the name, without its prefix, that the browser sent the sealed value under, and
	// pieces the number of cookies that it was split over. Both are zero for a cookie that the
	// browser does not have yet.
	tag    string
	pieces int
}

type pair struct{ name, value string }

// EmptyJar is the jar of a stranger.
var EmptyJar = newJar(nil, nil, nil)

func newJar(cookies []held, passthrough, public []pair) *Jar {
	slices.SortStableFunc(cookies, func(a, b held) int { return len(b.Path) - len(a.Path) })
	j := &Jar{cookies: cookies, passthrough: passthrough, public: public, empty: len(cookies) == 0 && len(passthrough) == 0}
	j.key = j.digest()
	for i := range cookies {
		user := cookies[i].Stamp.User
		j.several = j.several || j.owner != "" && user != "" && user != j.owner
		j.owner = cmp.Or(user, j.owner)
	}
	if !slices.ContainsFunc(cookies, func(c held) bool { return c.Path != "/" }) {
		j.everywhere, j.anyPath = j.build("/"), true
	}
	return j
}

// Unordered is Key without the order of the cookies, because browsers differ in where they put a
// cookie that was set again. The portal may depend on the order, so no answer is kept under this
// key.
func (j *Jar) Unordered() JarKey {
	sorted := &Jar{cookies: slices.Clone(j.cookies), passthrough: slices.Clone(j.passthrough)}
	slices.SortFunc(sorted.cookies, func(a, b held) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Path, b.Path)) })
	slices.SortStableFunc(sorted.passthrough, func(a, b pair) int { return cmp.Compare(a.name, b.name) })
	return sorted.digest()
}

// digest does not cover the stamps, because the portal does not see them.
func (j *Jar) digest() JarKey {
	var b []byte
	for i := range j.cookies {
		c := &j.cookies[i]
		for _, s := range [...]string{c.Name, c.Value, c.Path} {
			b = append(b, s...)
			b = append(b, 0) // header values contain no NUL, so the encoding is unambiguous
		}
	}
	b = append(b, 1)
	for _, p := range j.passthrough {
		b = append(b, p.name...)
		b = append(b, 0)
		b = append(b, p.value...)
		b = append(b, 0)
	}
	return sha256.Sum256(b)
}

// Key is a digest of the credentials' names, values and paths, in their order. Two jars with the same
// cookies in another order have different keys; see Unordered.
func (j *Jar) Key() JarKey { return j.key }

// Empty reports whether the jar holds no credentials.
func (j *Jar) Empty() bool { return j.empty }

// Sealed reports whether the jar holds a cookie of the sealed class, the sign-in token included.
func (j *Jar) Sealed() bool { return len(j.cookies) > 0 }

// HasName reports whether some web framework treats name as the name of one of the jar's cookies
// (see cookie.Same).
func (j *Jar) HasName(name string) bool {
	for i := range j.cookies {
		if cookie.Same(j.cookies[i].Name, name) {
			return true
		}
	}
	return false
}

func applyHeld(cookies []held, ch Change) []held {
	at := slices.IndexFunc(cookies, func(c held) bool { return c.Name == ch.Name && c.Path == ch.Path })
	switch {
	case at < 0 && ch.Delete:
		return cookies
	case at < 0:
		return append(cookies, held{Cookie: ch.Cookie})
	case ch.Delete:
		return slices.Delete(cookies, at, at+1)
	}
	stamp := cookies[at].Stamp
	same := cookies[at].Value == ch.Value
	cookies[at].Cookie = ch.Cookie
	if same {
		cookies[at].Stamp = stamp // the same value: it does not change which user the cookie belongs to
	}
	return cookies
}

func applyPair(pairs []pair, ch Change) []pair {
	at := slices.IndexFunc(pairs, func(p pair) bool { return p.name == ch.Name })
	switch {
	case at < 0 && ch.Delete:
		return pairs
	case at < 0:
		return append(pairs, pair{ch.Name, ch.Value})
	case ch.Delete:
		return slices.Delete(pairs, at, at+1)
	}
	pairs[at].value = ch.Value
	return pairs
}

// Strangers returns the jar with its public cookies only, which are no credentials.
func (j *Jar) Strangers() *Jar { return newJar(nil, nil, j.public) }

// Cookies returns the sealed cookies, opened.
func (j *Jar) Cookies() []Cookie {
	out := make([]Cookie, len(j.cookies))
	for i := range j.cookies {
		out[i] = j.cookies[i].Cookie
	}
	return out
}
