package gateway

import (
	"hash/maphash"
	"slices"
	"time"

	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/cookie"
)

// Bounds of what is remembered of one visit's cookies.
const (
	maxWatchedCookies = 64
	// maxWatchedBytes bounds names and values: strangers send what they like.
	maxWatchedBytes = 16 << 10
	maxPast         = 8
)

// plainJar is what a browser holds of the portal's cookies, as far as its requests and
// the portal's responses have told. A request header tells no paths, so a cookie that
// the portal set elsewhere, or before, is known by its name only.
type plainJar struct {
	entries []plainCookie
	// full says that there were more than fit; then nobody is asked about the visit.
	full bool
}

type plainCookie struct {
	portal.Cookie
	// at is when the portal set it, zero where it was only seen in a request.
	at   time.Time
	gone bool
	// past stand for earlier values: a request that was under way when the cookie changed
	// still carries one.
	past []uint64
}

// set notes a change that the portal made.
func (j *plainJar) set(ch portal.Change, now time.Time) {
	e := j.find(ch.Name, ch.Path)
	if e == nil {
		e = j.guess(ch.Name)
	}
	if e == nil {
		e = j.add(plainCookie{})
	}
	if e == nil {
		return
	}
	if e.Value != ch.Value || ch.Delete {
		e.retire()
	}
	e.Cookie, e.at, e.gone = ch.Cookie, now, ch.Delete
}

func (c *plainCookie) retire() {
	if c.Value == "" || c.was(c.Value) {
		return
	}
	c.past = append(c.past, maphash.String(pastHash, c.Value))
	if len(c.past) > maxPast {
		c.past = slices.Delete(c.past, 0, 1)
	}
}

var pastHash = maphash.MakeSeed()

// was reports whether the cookie had that value before.
func (c *plainCookie) was(value string) bool {
	return slices.Contains(c.past, maphash.String(pastHash, value))
}

func (j *plainJar) add(c plainCookie) *plainCookie {
	if len(j.entries) >= maxWatchedCookies {
		j.full = true
		return nil
	}
	j.entries = append(j.entries, c)
	return &j.entries[len(j.entries)-1]
}

func (j *plainJar) find(name, path string) *plainCookie {
	for i := range j.entries {
		if e := &j.entries[i]; e.Name == name && e.Path == path && !e.at.IsZero() {
			return e
		}
	}
	return nil
}

// guess finds a cookie of that name whose path is not known: the portal's new one is
// taken to replace it.
func (j *plainJar) guess(name string) *plainCookie {
	for i := range j.entries {
		if e := &j.entries[i]; e.Name == name && e.at.IsZero() {
			return e
		}
	}
	return nil
}

// sync takes over what a request to path carries, and returns the names of cookies that
// nobody was seen to set. whole says that the browser sent all it has for that path.
func (j *plainJar) sync(pairs []portal.Pair, path string, whole bool, now time.Time) (strange []string) {
	seen := make(map[string]bool, len(pairs))
	for _, p := range pairs {
		if p.Name == "" {
			continue
		}
		seen[p.Name] = true
		if j.take(p, path) {
			strange = append(strange, p.Name)
		}
	}
	j.bound()
	if !whole {
		return strange
	}
	j.entries = slices.DeleteFunc(j.entries, func(e plainCookie) bool {
		return !e.gone && !seen[e.Name] && cookie.PathMatch(e.Path, path) && now.Sub(e.at) > settled
	})
	return strange
}

// bound forgets the cookies of a visit that has too many bytes of them.
func (j *plainJar) bound() {
	n := 0
	for i := range j.entries {
		n += len(j.entries[i].Name) + len(j.entries[i].Value) + len(j.entries[i].Path)
	}
	if n > maxWatchedBytes {
		j.entries, j.full = nil, true
	}
}

// settled is how long a cookie that was just set may be missing from requests that were
// under way.
const settled = 10 * time.Second

// take takes one cookie over, and reports whether the portal never set its name.
func (j *plainJar) take(p portal.Pair, path string) (strange bool) {
	var fits *plainCookie
	known := false
	for i := range j.entries {
		e := &j.entries[i]
		if e.Name != p.Name {
			continue
		}
		known = known || !e.at.IsZero()
		if e.Value == p.Value && !e.gone || e.was(p.Value) {
			return !known && e.at.IsZero() // as it was, or not yet as it is
		}
		if fits == nil && cookie.PathMatch(e.Path, path) {
			fits = e
		}
	}
	if fits == nil {
		j.add(plainCookie{Cookie: portal.Cookie{Name: p.Name, Value: p.Value, Path: "/"}})
		return !known
	}
	fits.retire()
	fits.Value, fits.gone = p.Value, false // a script, or another host of the domain, changed it
	return fits.at.IsZero()
}

// setSince reports whether the portal set or deleted that cookie after t.
func (j *plainJar) setSince(name, path string, t time.Time) bool {
	e := j.find(name, path)
	return e != nil && e.at.After(t)
}

// cookies are what the browser holds now.
func (j *plainJar) cookies() (list []portal.Cookie) {
	for i := range j.entries {
		if !j.entries[i].gone {
			list = append(list, j.entries[i].Cookie)
		}
	}
	return list
}
