package browse

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Cookie is one that the browser holds, with the attributes that decide where it is
// sent (RFC 6265, section 5.3).
type Cookie struct {
	Name, Value string
	Domain      string // lower case, without a leading dot
	HostOnly    bool   // sent to Domain only, not to hosts below it
	Path        string
	Secure      bool
	HTTPOnly    bool
	SameSite    string    // as the portal wrote it: Lax, Strict, None, or empty
	Expires     time.Time // zero: with the browser's end
}

// jar keeps cookies in the order of their arrival. http.CookieJar shows neither paths
// nor names of what it keeps, and those are what we are asked for.
type jar []Cookie

func (j jar) clone() jar { return slices.Clone(j) }

func (j jar) alive(now time.Time) []Cookie {
	return slices.DeleteFunc(slices.Clone(j), func(c Cookie) bool {
		return !c.Expires.IsZero() && !c.Expires.After(now)
	})
}

// put keeps a cookie; one of the same name, domain and path makes way, and the new
// one takes its place in the order.
func (j *jar) put(c Cookie) {
	for i, old := range *j {
		if old.Name == c.Name && old.Domain == c.Domain && old.Path == c.Path {
			(*j)[i] = c
			return
		}
	}
	*j = append(*j, c)
}

// take keeps what a response from u sets.
func (j *jar) take(u *url.URL, set []*http.Cookie, now time.Time) {
	for _, s := range set {
		c, ok := received(u, s, now)
		if ok {
			j.put(c)
		}
	}
}

// received is the cookie that a browser makes of a Set-Cookie, or false if it would
// not take it.
func received(u *url.URL, s *http.Cookie, now time.Time) (Cookie, bool) {
	host := strings.ToLower(u.Hostname())
	c := Cookie{
		Name: s.Name, Value: s.Value, Domain: host, HostOnly: true, Path: s.Path, Secure: s.Secure, HTTPOnly: s.HttpOnly,
		SameSite: sameSite(s.SameSite), Expires: s.Expires,
	}
	if d := strings.ToLower(strings.TrimPrefix(s.Domain, ".")); d != "" {
		if d != host && !strings.HasSuffix(host, "."+d) {
			return Cookie{}, false
		}
		c.Domain, c.HostOnly = d, false
	}
	if !strings.HasPrefix(c.Path, "/") {
		c.Path = directory(u.Path)
	}
	switch {
	case s.MaxAge < 0:
		c.Expires = time.Unix(1, 0)
	case s.MaxAge > 0:
		c.Expires = now.Add(time.Duration(s.MaxAge) * time.Second)
	}
	return c, !s.Secure || u.Scheme == "https" || loopback(host)
}

// loopback hosts may set Secure cookies over HTTP, as browsers have it.
func loopback(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || strings.HasPrefix(host, "127.") || host == "::1"
}

func sameSite(s http.SameSite) string {
	switch s {
	case http.SameSiteLaxMode:
		return "Lax"
	case http.SameSiteStrictMode:
		return "Strict"
	case http.SameSiteNoneMode:
		return "None"
	}
	return ""
}

// directory is the default path of a cookie (RFC 6265, section 5.1.4).
func directory(path string) string {
	i := strings.LastIndexByte(path, '/')
	if i <= 0 || !strings.HasPrefix(path, "/") {
		return "/"
	}
	return path[:i]
}

// header is the Cookie header for a request to u, longest path first.
func (j jar) header(u *url.URL, now time.Time) string {
	var sent []Cookie
	for _, c := range j.alive(now) {
		if c.goesTo(u) {
			sent = append(sent, c)
		}
	}
	slices.SortStableFunc(sent, func(a, b Cookie) int { return len(b.Path) - len(a.Path) })
	pairs := make([]string, len(sent))
	for i, c := range sent {
		pairs[i] = c.Name + "=" + c.Value
	}
	return strings.Join(pairs, "; ")
}

func (c Cookie) goesTo(u *url.URL) bool {
	host, path := strings.ToLower(u.Hostname()), u.Path
	if path == "" {
		path = "/"
	}
	if host != c.Domain && (c.HostOnly || !strings.HasSuffix(host, "."+c.Domain)) {
		return false
	}
	if c.Secure && u.Scheme != "https" && !loopback(host) {
		return false
	}
	rest, below := strings.CutPrefix(path, c.Path)
	return below && (rest == "" || strings.HasSuffix(c.Path, "/") || rest[0] == '/')
}
