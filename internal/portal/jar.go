package portal

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/secondgate/secondgate/internal/portal/cookie"
)

// Jar is the portal's cookies in one visit at one time. A Jar is immutable; changes make another
// one.
type Jar struct {
	// Fields that every request reads are first and adjacent: see newJar.
	key JarKey
	// owner is the one user that cookies are stamped with, if any are; several says that
	// there are more than one.
	owner string
	// views caches the views that were asked for, by the cookies in them.
	views atomic.Pointer[[]maskedView]
	// everywhere is the view where every cookie is for every path.
	everywhere              View
	empty, several, anyPath bool

	// cookies are in the order in which a browser would send them.
	cookies []held
	// passthrough are cookies that the operator named under `leave`. They are not sealed and
	// count as credentials. public are those of the built-in list, which are no credentials.
	passthrough, public []pair
}

// JarKey is a digest of the credentials in a jar.
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

// Key is equal for two jars with the same credentials, and only for those.
func (j *Jar) Key() JarKey { return j.key }

// Empty reports whether the jar holds no credentials.
func (j *Jar) Empty() bool { return j.empty }

// StampedFor reports whether there are cookies stamped with the user, and none that the
// site stamped with another.
func (j *Jar) StampedFor(user, site string) bool {
	stamped := false
	for i := range j.cookies {
		s := &j.cookies[i].Stamp
		if s.User != user && !s.Anonymous() && s.of(site) {
			return false
		}
		stamped = stamped || s.User == user
	}
	return stamped
}

// Sealed reports whether any sealed cookie opened.
func (j *Jar) Sealed() bool { return len(j.cookies) > 0 }

// View is the part of a jar that is sent to one path.
type View struct {
	// Header is the whole Cookie header; "" for none.
	Header string
	// Key identifies the credentials in it, and the visit's token.
	Key JarKey
	// Public is the part of Header with cookies that are never credentials.
	Public string
}

// Everywhere is the path of no request: a view of it has all cookies, whatever their paths.
const Everywhere = "*"

// sentTo reports whether a cookie with cookiePath is in the view of path.
func sentTo(cookiePath, path string) bool {
	return path == Everywhere || cookie.PathMatch(cookiePath, path)
}

// View returns the Cookie header of a request to path: the cookies with an original path that
// matches, longest path first (RFC 6265 5.4), then those that were never sealed.
func (j *Jar) View(path string) View {
	if j.anyPath {
		return j.everywhere
	}
	if len(j.cookies) > 64 {
		return j.build(path)
	}
	mask := uint64(0)
	for i := range j.cookies {
		if sentTo(j.cookies[i].Path, path) {
			mask |= 1 << i
		}
	}
	return j.masked(mask, path)
}

// maskedView is the view of all paths to which these of the jar's cookies are sent.
type maskedView struct {
	mask uint64
	View
}

// maxViews bounds the views that a jar remembers.
const maxViews = 8

// masked returns the view of a path to which the cookies of mask are sent.
func (j *Jar) masked(mask uint64, path string) View {
	var known []maskedView
	if list := j.views.Load(); list != nil {
		known = *list
	}
	for i := range known {
		if known[i].mask == mask {
			return known[i].View
		}
	}
	v := j.build(path)
	if len(known) < maxViews {
		list := append(slices.Clip(known), maskedView{mask, v})
		j.views.Store(&list)
	}
	return v
}

func (j *Jar) build(path string) View {
	var b []byte
	add := func(name, value string) {
		if len(b) > 0 {
			b = append(b, "; "...)
		}
		b = append(append(append(b, name...), '='), value...)
	}
	token := ""
	for i := range j.cookies {
		c := &j.cookies[i]
		switch {
		case c.Name == tokenName:
			token = c.Value
		case sentTo(c.Path, path):
			add(c.Name, c.Value)
		}
	}
	for _, p := range j.passthrough {
		add(p.name, p.value)
	}
	credentials := len(b)
	for _, p := range j.public {
		add(p.name, p.value)
	}
	v := View{Header: string(b), Public: string(b[credentials:])}
	if credentials > 0 || token != "" {
		v.Key = sha256.Sum256([]byte(v.Header[:credentials] + "\x00" + token))
	}
	return v
}

// Empty reports whether the view holds no credentials.
func (v View) Empty() bool { return v.Key == JarKey{} }

// Uncovered returns the name of a cookie that is sent with a request to path, while no cookie of
// that name is sent with a request to any of the asked paths; "" if there is none. No question
// covers such a cookie (design rule Q2).
func (j *Jar) Uncovered(path string, asked []string) string {
	if j.anyPath {
		return ""
	}
	for i := range j.cookies {
		c := &j.cookies[i]
		if cookie.PathMatch(c.Path, path) && !j.carries(c.Name, asked) {
			return c.Name
		}
	}
	return ""
}

// WithoutTwins returns the jar without the cookies that have the name of a change but were not
// set by it, because portals differ in which of two cookies of one name they use. twins says
// that there were any.
func (j *Jar) WithoutTwins(changes []Change) (only *Jar, twins bool) {
	if len(changes) == 0 {
		return j, false
	}
	keep := slices.DeleteFunc(slices.Clone(j.cookies), func(c held) bool {
		same, set := false, false
		for _, ch := range changes {
			if !ch.Delete && ch.Class == Sealed && ch.Name == c.Name {
				same, set = true, set || ch.Path == c.Path
			}
		}
		return same && !set
	})
	if len(keep) == len(j.cookies) {
		return j, false
	}
	return newJar(keep, j.passthrough, j.public), true
}

// carries reports whether a request to one of the paths carries a cookie of that name.
func (j *Jar) carries(name string, paths []string) bool {
	for i := range j.cookies {
		c := &j.cookies[i]
		if c.Name == name && slices.ContainsFunc(paths, func(p string) bool { return cookie.PathMatch(c.Path, p) }) {
			return true
		}
	}
	return false
}

// Carried returns the changes of a response to a question that was sent with the jar's cookies
// for path. It leaves out changes of cookies that the jar has and the question did not carry. A
// portal that is asked without its session cookie sets a new one, which must not replace the
// session.
func (j *Jar) Carried(changes []Change, path string) []Change {
	return slices.DeleteFunc(changes, func(ch Change) bool {
		held, carried := false, false
		for i := range j.cookies {
			if c := &j.cookies[i]; c.Name == ch.Name {
				held = true
				carried = carried || sentTo(c.Path, path)
			}
		}
		return held && !carried
	})
}

// HasName reports whether some portal takes the name for that of one of the jar's
// cookies (cookie.Same).
func (j *Jar) HasName(name string) bool {
	for i := range j.cookies {
		if cookie.Same(j.cookies[i].Name, name) {
			return true
		}
	}
	return false
}

// Apply returns the jar after these changes, as a browser would make them.
func (j *Jar) Apply(changes []Change) *Jar {
	if len(changes) == 0 {
		return j
	}
	cookies := slices.Clone(j.cookies)
	passthrough, public := slices.Clone(j.passthrough), slices.Clone(j.public)
	for _, ch := range changes {
		switch ch.Class {
		case Passthrough:
			passthrough = applyPair(passthrough, ch)
		case Public:
			public = applyPair(public, ch)
		default:
			cookies = applyHeld(cookies, ch)
		}
	}
	return newJar(cookies, passthrough, public)
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

// Fits returns the jar without the cookies that are stamped with another user than the given one
// ("" for anonymous), and the removed cookies. Those in gone are of no further use. Those in
// apart were stamped by another site of the host, which may know another user.
func (j *Jar) Fits(user, site string) (fitting *Jar, gone, apart []Cookie) {
	if !j.several && (Stamp{User: j.owner}).fits(user) {
		return j, nil, nil
	}
	var keep []held
	for _, c := range j.cookies {
		switch {
		case c.Stamp.fits(user):
			keep = append(keep, c)
		case c.Stamp.of(site):
			gone = append(gone, c.Cookie)
		default:
			apart = append(apart, c.Cookie)
		}
	}
	return newJar(keep, j.passthrough, j.public), gone, apart
}

// Of returns the jar without the cookies that another site of the host stamped.
func (j *Jar) Of(site string) *Jar {
	if !slices.ContainsFunc(j.cookies, func(c held) bool { return !c.Stamp.of(site) }) {
		return j
	}
	own := slices.DeleteFunc(slices.Clone(j.cookies), func(c held) bool { return !c.Stamp.of(site) })
	return newJar(own, j.passthrough, j.public)
}

// With returns the jar with these cookies added. A cookie that the jar has already is not
// replaced.
func (j *Jar) With(more []Cookie) *Jar {
	cookies := slices.Clone(j.cookies)
	for _, c := range more {
		if j.find(c.Name, c.Path) == nil {
			cookies = append(cookies, held{Cookie: c})
		}
	}
	return newJar(cookies, j.passthrough, j.public)
}

// Without returns the jar without the cookies for which over is true of the time when they were
// sealed, and the removed cookies.
func (j *Jar) Without(over func(sealed time.Time) bool) (kept *Jar, gone []Cookie) {
	return j.Drop(func(c Cookie) bool { return over(c.Sealed) })
}

// Drop returns the jar without the cookies for which drop is true, and the removed cookies.
func (j *Jar) Drop(drop func(c Cookie) bool) (kept *Jar, gone []Cookie) {
	var keep []held
	for _, c := range j.cookies {
		if drop(c.Cookie) {
			gone = append(gone, c.Cookie)
			continue
		}
		keep = append(keep, c)
	}
	if len(gone) == 0 {
		return j, nil
	}
	return newJar(keep, j.passthrough, j.public), gone
}

// Stamped returns the same jar with the cookies of these changes stamped.
func (j *Jar) Stamped(changes []Change, stamp Stamp) *Jar {
	cookies := slices.Clone(j.cookies)
	for i := range cookies {
		c := &cookies[i].Cookie
		if slices.ContainsFunc(changes, func(ch Change) bool { return !ch.Delete && ch.Name == c.Name && ch.Path == c.Path }) {
			c.Stamp = stamp
		}
	}
	return newJar(cookies, j.passthrough, j.public)
}

// Strangers returns the jar without credentials: only public cookies are left.
func (j *Jar) Strangers() *Jar { return newJar(nil, nil, j.public) }

// Ends is when the longest-lived cookie ends; zero if all end with the browser.
func (j *Jar) Ends() time.Time {
	var end time.Time
	for _, c := range j.cookies {
		if c.Expires.After(end) {
			end = c.Expires
		}
	}
	return end
}

// Cookies returns the sealed cookies, opened.
func (j *Jar) Cookies() []Cookie {
	out := make([]Cookie, len(j.cookies))
	for i := range j.cookies {
		out[i] = j.cookies[i].Cookie
	}
	return out
}

// Sealings returns changes that set the jar's sealed cookies to their present values.
func (j *Jar) Sealings() (changes []Change) {
	for _, c := range j.Cookies() {
		if c.Name != tokenName {
			changes = append(changes, Change{Cookie: c, Class: Sealed})
		}
	}
	return changes
}

// Credentials returns changes that set the jar's credentials to their present values: sealed
// cookies, the token and passthrough cookies, but not public ones.
func (j *Jar) Credentials() (changes []Change) {
	for _, c := range j.Cookies() {
		changes = append(changes, Change{Cookie: c, Class: Sealed})
	}
	for _, p := range j.passthrough {
		changes = append(changes, Change{Cookie: Cookie{Name: p.name, Value: p.value}, Class: Passthrough})
	}
	return changes
}

// Value returns the value of the cookie that a change sets or deletes; ok says that the jar
// has it.
func (j *Jar) Value(ch Change) (value string, ok bool) {
	if ch.Class == Sealed {
		if c := j.find(ch.Name, ch.Path); c != nil {
			return c.Value, true
		}
		return "", false
	}
	for _, pairs := range [][]pair{j.passthrough, j.public} {
		for _, p := range pairs {
			if p.name == ch.Name {
				return p.value, true
			}
		}
	}
	return "", false
}

// Precedes reports whether a change that was computed for jar j may be delivered to a browser that
// now sends the jar sent. A change that replaces a cookie needs the old value in sent. A new cookie
// needs all of j's credentials in sent, and no cookie of its name.
func (j *Jar) Precedes(sent *Jar, ch Change) bool {
	if v, replaces := j.Value(ch); replaces {
		w, ok := sent.Value(ch)
		return ok && v == w
	}
	if _, has := sent.Value(ch); has {
		return false
	}
	return !slices.ContainsFunc(j.Credentials(), func(c Change) bool {
		w, ok := sent.Value(c)
		return !ok || w != c.Value
	})
}

// Binds identifies the jar's cookies as one site sees them, without their values: hashes of
// site, name and path. The site is the host and port that the browser addressed, and the path of
// the own pages.
func (j *Jar) Binds(host, site string) []uint64 {
	out := make([]uint64, len(j.cookies))
	for i := range j.cookies {
		out[i] = bind(strings.ToLower(host), site, j.cookies[i].Name, j.cookies[i].Path)
	}
	slices.Sort(out)
	return out
}

// bind is a hash that only has to avoid accidental collisions. It is not secret.
func bind(words ...string) uint64 {
	sum := sha256.Sum256([]byte(strings.Join(words, "\x00")))
	return binary.BigEndian.Uint64(sum[:])
}
