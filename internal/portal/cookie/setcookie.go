package cookie

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxPair is the maximal length that browsers accept for name and value together, maxAttribute
// that for the value of one attribute, in bytes (RFC 6265bis 5.6).
const (
	maxPair      = 4096
	maxAttribute = 1024
)

// maxLife is the longest time for which a browser keeps a cookie (RFC 6265bis 5.5).
const maxLife = 400 * 24 * time.Hour

// ErrSetCookie is the error for a line that every browser ignores: it has no name, or a
// control character, or more than 4,096 bytes in name and value.
var ErrSetCookie = errors.New("not a cookie that browsers take")

// SetCookie is one Set-Cookie line as a browser understands it.
type SetCookie struct {
	// Name and Value have the bytes that the portal sent, including quotes.
	Name, Value string
	// Path is never empty.
	Path string
	// Domain is the attribute Domain, without a leading dot, in lower case. Sealed cookies are
	// nevertheless host-only.
	Domain string
	// Expires is the time at which the browser deletes the cookie, at most 400 days ahead. It
	// is zero for a session cookie, which the browser deletes when it is closed.
	Expires time.Time
	// Delete reports whether the line makes the browser delete the cookie.
	Delete bool
	// SameSite is zero if the portal sent no such attribute, or an unknown value.
	SameSite http.SameSite

	Secure, HTTPOnly, Partitioned bool
}

// ParseSetCookie parses a line as a browser does, by RFC 6265 5.2, and by 6265bis for
// SameSite, Partitioned and the limits. requestPath is the path of the request that the portal
// answered with the line. Unknown and invalid attributes are ignored; of repeated attributes
// the last one counts. The only error is ErrSetCookie.
func ParseSetCookie(line, requestPath string, now time.Time) (SetCookie, error) {
	pair, attributes, _ := strings.Cut(line, ";")
	name, value, found := strings.Cut(pair, "=")
	name, value = strings.Trim(name, " \t"), strings.Trim(value, " \t")
	if !found || name == "" || len(name)+len(value) > maxPair || hasControl(name) || hasControl(value) {
		return SetCookie{}, ErrSetCookie
	}
	c := SetCookie{Name: name, Value: value, Path: DefaultPath(requestPath)}
	var life lifetime
	for attributes != "" {
		var attribute string
		attribute, attributes, _ = strings.Cut(attributes, ";")
		key, v, _ := strings.Cut(attribute, "=")
		key, v = strings.Trim(key, " \t"), strings.Trim(v, " \t")
		if len(v) > maxAttribute || hasControl(v) {
			continue
		}
		if !life.set(key, v, now) {
			c.set(key, v, requestPath)
		}
	}
	c.Expires, c.Delete = life.end(now)
	return c, nil
}

func (c *SetCookie) set(key, v, requestPath string) {
	switch strings.ToLower(key) {
	case "path":
		c.Path = v
		if !strings.HasPrefix(v, "/") {
			c.Path = DefaultPath(requestPath)
		}
	case "domain":
		c.Domain = strings.ToLower(strings.TrimPrefix(v, "."))
	case "samesite":
		c.SameSite = sameSites[strings.ToLower(v)]
	case "secure":
		c.Secure = true
	case "httponly":
		c.HTTPOnly = true
	case "partitioned":
		c.Partitioned = true
	}
}

var sameSites = map[string]http.SameSite{
	"lax": http.SameSiteLaxMode, "strict": http.SameSiteStrictMode, "none": http.SameSiteNoneMode,
}

// lifetime collects Max-Age and Expires separately, because Max-Age has precedence in any
// order.
type lifetime struct {
	maxAge, expires       time.Time
	hasMaxAge, hasExpires bool
}

func (l *lifetime) set(key, v string, now time.Time) (mine bool) {
	switch {
	case strings.EqualFold(key, "Max-Age"):
		if seconds, ok := parseMaxAge(v); ok {
			l.maxAge, l.hasMaxAge = now.Add(seconds), true
		}
	case strings.EqualFold(key, "Expires"):
		if t, ok := ParseDate(v); ok {
			l.expires, l.hasExpires = t, true
		}
	default:
		return false
	}
	return true
}

func (l *lifetime) end(now time.Time) (expires time.Time, over bool) {
	switch {
	case l.hasMaxAge:
		expires = l.maxAge
	case l.hasExpires:
		expires = l.expires
	default:
		return time.Time{}, false
	}
	if last := now.Add(maxLife); expires.After(last) {
		expires = last
	}
	return expires, !expires.After(now)
}

// parseMaxAge parses an optional minus and digits. It returns maxLife for a number that is
// larger.
func parseMaxAge(v string) (time.Duration, bool) {
	digits := strings.TrimPrefix(v, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	if digits != v {
		return 0, true
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n > uint64(maxLife/time.Second) {
		return maxLife, true
	}
	return time.Duration(n) * time.Second, true
}

func hasControl(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}

// DefaultPath returns the path of a cookie without the attribute Path, set in the response to
// a request for requestPath (RFC 6265 5.1.4).
func DefaultPath(requestPath string) string {
	i := strings.LastIndexByte(requestPath, '/')
	if i <= 0 || requestPath[0] != '/' {
		return "/"
	}
	return requestPath[:i]
}

// PathMatch reports whether a browser sends a cookie with cookiePath in a request for
// requestPath, which is decoded (RFC 6265 5.1.4).
func PathMatch(cookiePath, requestPath string) bool {
	if isBelow(requestPath, cookiePath) {
		return true
	}
	if !strings.Contains(cookiePath, "%") {
		return false
	}
	// Browsers compare with the path of the URL, which is encoded.
	decoded, err := url.PathUnescape(cookiePath)
	return err == nil && isBelow(requestPath, decoded)
}

func isBelow(path, top string) bool {
	rest, ok := strings.CutPrefix(path, top)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(top, "/"))
}
