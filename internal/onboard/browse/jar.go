package browse

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/secondgate/secondgate/internal/portal/cookie"
)

// Cookie is a cookie in the browser, with the attributes that decide where it is sent
// (RFC 6265, section 5.3).
type Cookie struct {
	Name, Value string
	Domain      string // lower case, without a leading dot
	HostOnly    bool   // sent to Domain only, not to hosts below it
	Path        string
	Secure      bool
	HTTPOnly    bool
	Expires     time.Time // zero for a cookie that lasts as long as the Browser
}

// jar keeps cookies in the order of their arrival. net/http/cookiejar is not used because it
// does not show the paths and domains of its cookies.
type jar []Cookie

func (j jar) alive(now time.Time) []Cookie {
	return slices.DeleteFunc(slices.Clone(j), func(c Cookie) bool {
		return !c.Expires.IsZero() && !c.Expires.After(now)
	})
}

// put stores a cookie. It replaces one with the same name, domain and path in place.
func (j *jar) put(c Cookie) {
	same := func(old Cookie) bool { return old.Name == c.Name && old.Domain == c.Domain && old.Path == c.Path }
	if i := slices.IndexFunc(*j, same); i >= 0 {
		(*j)[i] = c
		return
	}
	*j = append(*j, c)
}

// take stores the cookies that a response from u sets, except those that a browser
// refuses: for a foreign domain, or Secure over HTTP.
func (j *jar) take(u *url.URL, header http.Header, now time.Time) {
	host := strings.ToLower(u.Hostname())
	for _, line := range header["Set-Cookie"] {
		s, err := cookie.ParseSetCookie(line, u.Path, now)
		c := Cookie{Name: s.Name, Value: s.Value, Domain: s.Domain, Path: s.Path, Secure: s.Secure, HTTPOnly: s.HTTPOnly, Expires: s.Expires}
		if s.Domain == "" {
			c.Domain, c.HostOnly = host, true
		}
		if err == nil && c.coversHost(host) && c.allowsScheme(u) {
			j.put(c)
		}
	}
}

// header is the Cookie header for a request to u, longest path first.
func (j jar) header(u *url.URL, now time.Time) string {
	host, path := strings.ToLower(u.Hostname()), u.Path
	if path == "" {
		path = "/"
	}
	sent := slices.DeleteFunc(j.alive(now), func(c Cookie) bool {
		return !c.coversHost(host) || !c.allowsScheme(u) || !cookie.PathMatch(c.Path, path)
	})
	slices.SortStableFunc(sent, func(a, b Cookie) int { return len(b.Path) - len(a.Path) })
	pairs := make([]string, len(sent))
	for i, c := range sent {
		pairs[i] = c.Name + "=" + c.Value
	}
	return strings.Join(pairs, "; ")
}

func (c Cookie) coversHost(host string) bool {
	return host == c.Domain || !c.HostOnly && strings.HasSuffix(host, "."+c.Domain)
}

// allowsScheme reports whether the cookie's Secure attribute permits u. Browsers accept
// Secure cookies over HTTP on loopback.
func (c Cookie) allowsScheme(u *url.URL) bool {
	host := strings.ToLower(u.Hostname())
	loopback := host == "localhost" || strings.HasSuffix(host, ".localhost") || strings.HasPrefix(host, "127.") || host == "::1"
	return !c.Secure || u.Scheme == "https" || loopback
}
