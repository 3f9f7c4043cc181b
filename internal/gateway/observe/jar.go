package observe

import (
	"hash/maphash"
	"slices"
	"time"

	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/cookie"
)

const (
	// maxCookies and maxBytes bound what is remembered of one visit's cookies, because strangers
	// can send any number. maxEarlier bounds the earlier values of one cookie.
	maxCookies = 64
	maxBytes   = 16 << 10
	maxEarlier = 8
	// settled is how long a cookie that was just set may be missing from requests that were sent
	// before.
	settled = 10 * time.Second
)

// jar is the browser's portal cookies, as far as requests and responses show them. Requests
// carry no paths. If the portal was not seen setting a cookie, only its name and value are
// known, and its path is assumed to be "/".
type jar struct {
	cookies []*held
	// incomplete says that the bounds were exceeded. The portal is then not asked about the
	// visit.
	incomplete bool
}

// held is one cookie in the browser.
type held struct {
	portal.Cookie
	// setAt is when the portal set it; zero for one that was seen in a request only.
	setAt   time.Time
	deleted bool
	// undelivered says that the response to a question set the value, and that the browser
	// does not have it yet; see substitute.
	undelivered bool
	// earlier are digests of earlier values, which requests that were under way when the
	// cookie changed still carry.
	earlier []uint64
}

var earlierSeed = maphash.MakeSeed()

func (h *held) had(value string) bool {
	return slices.Contains(h.earlier, maphash.String(earlierSeed, value))
}

// outdate turns the present value into an earlier one.
func (h *held) outdate() {
	if h.Value == "" || h.had(h.Value) {
		return
	}
	h.earlier = append(h.earlier, maphash.String(earlierSeed, h.Value))
	if len(h.earlier) > maxEarlier {
		h.earlier = slices.Delete(h.earlier, 0, 1)
	}
}

// set records a change that the portal made. It replaces the cookie of that name and path, or
// else one of that name with an unknown path.
func (j *jar) set(ch portal.Change, now time.Time) *held {
	h := j.find(ch.Name, ch.Path)
	if h == nil {
		h = j.first(func(c *held) bool { return c.Name == ch.Name && c.setAt.IsZero() })
	}
	if h == nil {
		h = j.add(&held{})
	}
	if h.Value != ch.Value || ch.Delete {
		h.outdate()
	}
	h.Cookie, h.setAt, h.deleted, h.undelivered = ch.Cookie, now, ch.Delete, false
	return h
}

// find returns the cookie of that name and path that the portal was seen to set, or nil.
func (j *jar) find(name, path string) *held {
	return j.first(func(h *held) bool { return h.Name == name && h.Path == path && !h.setAt.IsZero() })
}

// first returns the first cookie that is wanted, or nil.
func (j *jar) first(wanted func(*held) bool) *held {
	if i := slices.IndexFunc(j.cookies, wanted); i >= 0 {
		return j.cookies[i]
	}
	return nil
}

// add adds a cookie. If the jar is full, the returned cookie is not part of it.
func (j *jar) add(h *held) *held {
	if len(j.cookies) >= maxCookies {
		j.incomplete = true
		return h
	}
	j.cookies = append(j.cookies, h)
	return h
}

// sent records the cookies of a request to path, and returns the names of those that the portal
// was not seen to set. whole says that the browser sent all cookies that it has for that path.
func (j *jar) sent(pairs []portal.Pair, path string, whole bool, now time.Time) (unknown []string) {
	names := make(map[string]bool, len(pairs))
	for _, p := range pairs {
		if p.Name == "" {
			continue
		}
		names[p.Name] = true
		if j.sentOne(p, path) {
			unknown = append(unknown, p.Name)
		}
	}
	j.limit()
	if whole {
		j.cookies = slices.DeleteFunc(j.cookies, func(h *held) bool {
			return !h.deleted && !names[h.Name] && cookie.PathMatch(h.Path, path) && now.Sub(h.setAt) > settled
		})
	}
	return unknown
}

// sentOne records one cookie of a request, and reports whether the portal was not seen to set a
// cookie of that name.
func (j *jar) sentOne(p portal.Pair, path string) (unknown bool) {
	var fits *held
	set := false
	for _, h := range j.cookies {
		if h.Name != p.Name {
			continue
		}
		set = set || !h.setAt.IsZero()
		if h.Value == p.Value && !h.deleted || h.had(p.Value) {
			return !set // unchanged, or sent before a change arrived
		}
		if fits == nil && cookie.PathMatch(h.Path, path) {
			fits = h
		}
	}
	if fits == nil {
		j.add(&held{Cookie: portal.Cookie{Name: p.Name, Value: p.Value, Path: "/"}})
		return !set
	}
	fits.outdate()
	fits.Value, fits.deleted = p.Value, false // a script, or another host of the domain, changed it
	return fits.setAt.IsZero()
}

// limit forgets the cookies of a visit that has too many bytes of them.
func (j *jar) limit() {
	n := 0
	for _, h := range j.cookies {
		n += len(h.Name) + len(h.Value) + len(h.Path)
	}
	if n > maxBytes {
		j.cookies, j.incomplete = nil, true
	}
}

// setSince reports whether the portal set or deleted the cookie after t.
func (j *jar) setSince(name, path string, t time.Time) bool {
	h := j.find(name, path)
	return h != nil && h.setAt.After(t)
}

// list returns what the browser holds now.
func (j *jar) list() (cookies []portal.Cookie) {
	for _, h := range j.cookies {
		if !h.deleted {
			cookies = append(cookies, h.Cookie)
		}
	}
	return cookies
}

// replace records the changes by the response to a question that was asked with these cookies,
// and reports whether it changed any of them. Other cookies that the response set are ignored.
// Deleted cookies are left to the portal, which deletes them in the browser itself.
func (j *jar) replace(asked []portal.Cookie, changes []portal.Change, now time.Time) (replaced bool) {
	for _, ch := range changes {
		at := slices.IndexFunc(asked, func(c portal.Cookie) bool { return c.Name == ch.Name && (c.Path == ch.Path || c.Path == "/") })
		if at >= 0 && !ch.Delete && asked[at].Value != ch.Value {
			j.set(ch, now).undelivered = true
			replaced = true
		}
	}
	return replaced
}

// substitute replaces earlier values in a request's cookies by undelivered ones, and returns the
// changed cookies. The portal may accept the new value only. The request's response sets the
// value in the browser. A value counts as delivered when the browser sends a value that is not
// an earlier one, or when the portal sets another.
func (j *jar) substitute(pairs []portal.Pair) (substituted []portal.Cookie) {
	for i, p := range pairs {
		for _, h := range j.cookies {
			if h.Name != p.Name || !h.undelivered {
				continue
			}
			if h.undelivered = h.had(p.Value); h.undelivered {
				pairs[i] = portal.Pair{Name: h.Name, Value: h.Value}
				substituted = append(substituted, h.Cookie)
			}
		}
	}
	return substituted
}
