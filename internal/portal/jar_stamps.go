package portal

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

// StampedFor reports whether some cookie is stamped with the user, by any site, and no cookie of this
// site is stamped with another user.
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

// Fits returns the jar without the cookies that are stamped with another user than the given one
// ("" for anonymous), and the removed cookies. Those in gone were stamped by this site and are to
// be deleted in the browser. Those in apart were stamped by another site of the host, at which
// another user may be signed in.
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
