package portal

import (
	"encoding/binary"
	"net/http"
	"time"
)

// Stamp records the answer and the site for which the response that set a cookie was checked.
type Stamp struct {
	// User is the canonical id; empty for anonymous.
	User string
	// Site is the path of the own pages, which distinguishes the sites of one realm on one host.
	// Payloads of version 2 have none: every site treats them as its own.
	Site string
}

// Anonymous reports whether the stamp names no user. Such a cookie may later belong to a user,
// because portals keep the session's name at a sign-in.
func (s Stamp) Anonymous() bool { return s.User == "" }

// fits reports whether a cookie with this stamp may be sent when the portal's answer
// names user, "" for anonymous.
func (s Stamp) fits(user string) bool { return s.Anonymous() || s.User == user }

// of reports whether the stamp is the site's, or of an old version without a site.
func (s Stamp) of(site string) bool { return s.Site == "" || s.Site == site }

// Cookie is one of the portal's cookies, opened.
type Cookie struct {
	Name, Value, Path string
	SameSite          http.SameSite
	// Domain and HTTPOnly are as the portal set them. A sealed cookie is always host-only and
	// HttpOnly; Line uses these two to give the cookie back unsealed.
	Domain   string
	HTTPOnly bool
	// Expires is when it ends; zero for a session cookie.
	Expires time.Time
	// Sealed is when it was sealed, to the millisecond. Of two cookies of one name
	// and path the later one counts; a browser keeps only one.
	Sealed time.Time
	Stamp  Stamp
}

// payloadVersion begins every sealed payload, so that the form can change. Version 1
// had neither flags nor domain, version 2 no site.
const payloadVersion = 3

// flagHTTPOnly is the only flag.
const flagHTTPOnly = 1

// encode writes the payload: version, SameSite, flags, times, and the texts, each
// preceded by its length; the value is the rest.
func (c *Cookie) encode() []byte {
	b := make([]byte, 0, 40+len(c.Name)+len(c.Path)+len(c.Value)+len(c.Stamp.User)+len(c.Domain)+len(c.Stamp.Site))
	flags := byte(0)
	if c.HTTPOnly {
		flags = flagHTTPOnly
	}
	b = append(b, payloadVersion, byte(c.SameSite), flags)
	b = binary.AppendVarint(b, c.Sealed.UnixMilli())
	expires := int64(0)
	if !c.Expires.IsZero() {
		expires = c.Expires.Unix()
	}
	b = binary.AppendVarint(b, expires)
	for _, s := range []string{c.Stamp.User, c.Name, c.Path, c.Domain, c.Stamp.Site} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return append(b, c.Value...)
}

// decode reads what encode wrote. The payload was authenticated, so an error means
// another version of this program.
func decode(b []byte) (Cookie, error) {
	var c Cookie
	texts := []*string{&c.Stamp.User, &c.Name, &c.Path, &c.Domain, &c.Stamp.Site}
	rest := b
	switch {
	case len(b) >= 2 && b[0] == 1:
		c.HTTPOnly, texts, rest = true, texts[:3], b[2:]
	case len(b) >= 3 && b[0] == 2:
		c.HTTPOnly, texts, rest = b[2] == flagHTTPOnly, texts[:4], b[3:]
	case len(b) >= 3 && b[0] == payloadVersion:
		c.HTTPOnly, rest = b[2] == flagHTTPOnly, b[3:]
	default:
		return c, errSealed
	}
	c.SameSite = http.SameSite(b[1])
	sealed, n := binary.Varint(rest)
	if n <= 0 {
		return c, errSealed
	}
	rest = rest[n:]
	expires, n := binary.Varint(rest)
	if n <= 0 {
		return c, errSealed
	}
	rest = rest[n:]
	for _, s := range texts {
		size, n := binary.Uvarint(rest)
		if n <= 0 || size > uint64(len(rest)-n) {
			return c, errSealed
		}
		*s = string(rest[n : n+int(size)])
		rest = rest[n+int(size):]
	}
	c.Value = string(rest)
	c.Sealed = time.UnixMilli(sealed)
	if expires != 0 {
		c.Expires = time.Unix(expires, 0)
	}
	return c, nil
}
