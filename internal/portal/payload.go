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
	// Site is the path of the own pages, which distinguishes the sites of one realm on one host. It
	// is empty in payloads of version 2: every site treats those as its own.
	Site string
}

// Anonymous reports whether the stamp names no user. Such a cookie may later belong to a user,
// because portals keep the session's name at a sign-in.
func (s Stamp) Anonymous() bool { return s.User == "" }

// fits reports whether a cookie with this stamp may be sent when the portal's answer
// names user, "" for anonymous.
func (s Stamp) fits(user string) bool { return s.Anonymous() || s.User == user }

// of reports whether this site made the stamp, or whether it has no site, as in old payloads.
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
	// Sealed is when it was sealed, to the millisecond. Of two cookies with one name and path, the
	// one that was sealed later counts (see newest).
	Sealed time.Time
	Stamp  Stamp
}

// payloadVersion is the first byte of every sealed payload, so that the format can change. Version
// 1 had neither flags nor domain, version 2 had no site.
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

// decode parses a payload of any version. The payload was authenticated, so an error means that
// another version of this program wrote it.
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
