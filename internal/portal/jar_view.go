package portal

import (
	"crypto/sha256"
	"slices"

	"github.com/secondgate/secondgate/internal/portal/cookie"
)

// View is the part of a jar that a request to one path carries.
type View struct {
	// Header is the whole Cookie header; "" for none.
	Header string
	// Key is a digest of the credentials in Header and of the portal's sign-in token (see token.go). It
	// is zero if there are neither.
	Key JarKey
	// Public is the part of Header with cookies that are never credentials.
	Public string
}

// Everywhere, given as a path, selects all cookies regardless of their paths.
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

// maskedView caches the view for one set of cookies: bit i of mask stands for cookies[i].
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
