package userpages

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/userpages/cookiestate"
	"github.com/secondgate/secondgate/internal/userpages/guard"
)

// Return is the request that the gateway answered with a redirect to the challenge. It is
// kept in a sealed cookie, and the challenge leads back to its target.
type Return struct {
	// User is the user who made the request. The target is disclosed to no other user.
	User string
	// Target is a path on this origin, with query; see ValidTarget.
	Target string
	// NotSent says that the request was a form, which was not forwarded. Target is then
	// the page with the form.
	NotSent bool
	// Padding gives all sealed targets the same length. Without it the length of the cookie tells an
	// attacker with the password where the portal led the user.
	Padding string
}

// padded returns ret with the Padding that its target needs.
func (ret Return) padded() Return {
	ret.Padding = strings.Repeat("=", max(0, maxTarget-jsonLength(ret.Target)))
	return ret
}

// jsonLength returns the length of a string in JSON, without its quotes.
func jsonLength(s string) int {
	text, _ := json.Marshal(s) // a string can always be written as JSON
	return len(text) - 2
}

// SetReturn stores where to return to in a sealed cookie, for an hour. An invalid target
// becomes "/"; a target that is too long for a cookie loses its query. The gateway calls it
// when it redirects to the challenge.
func (s *State) SetReturn(w http.ResponseWriter, ret Return, secure bool) {
	path, _, _ := strings.Cut(ret.Target, "?")
	for _, target := range []string{ret.Target, path, "/"} {
		if !ValidTarget(target) {
			continue
		}
		ret.Target = target
		err := returnField.Put(s.browser(w, nil, secure), cookiestate.Owner{User: ret.User}, ret.padded())
		if !errors.Is(err, cookiestate.ErrTooLong) {
			return
		}
	}
}

// TakeReturn reads what SetReturn stored for this user, and deletes the cookie. A return of
// another user is deleted unread.
func (s *State) TakeReturn(w http.ResponseWriter, r *http.Request, user string, secure bool) (Return, bool) {
	b := s.browser(w, r, secure)
	defer returnField.Drop(b)
	return peekReturn(b, user)
}

func peekReturn(b cookiestate.Browser, user string) (Return, bool) {
	ret, ok := returnField.Get(b, cookiestate.Owner{User: user})
	return ret, ok && ValidTarget(ret.Target)
}

// takeReturn handles the parameter `return`, with which a script of the portal (assist.js)
// names the page to return to. It stores the target and redirects to the same page without
// the parameter. It returns false if there is none. The target is ignored if a page of
// another site led here, because it could make the portal change something by a GET right
// after the user has entered a code.
func (c *call) takeReturn() bool {
	target := c.r.URL.Query().Get("return")
	if target == "" {
		return false
	}
	if fromHere(c.r, c.v.Secure) && ValidTarget(target) {
		c.State.SetReturn(c.w, Return{User: c.v.User, Target: target}, c.v.Secure)
	}
	c.redirect(c.r.URL.Path)
	return true
}

// fromHere reports whether a page of this origin led to this request, by Sec-Fetch-Site or,
// if that is missing, by Referer.
func fromHere(r *http.Request, secure bool) bool {
	if site := r.Header["Sec-Fetch-Site"]; len(site) > 0 {
		return len(site) == 1 && site[0] == "same-origin"
	}
	u, err := url.Parse(r.Header.Get("Referer"))
	return err == nil && guard.IsOrigin(u, r.Host, secure)
}

// maxTarget bounds a return target, which has to fit into a cookie.
const maxTarget = 1600

// ValidTarget reports whether s is a path, with an optional query, on this origin, however a
// browser or proxy reads it. It keeps the challenge from redirecting to another site. It
// refuses a scheme or host, backslashes (browsers read them as slashes), control characters
// and blanks (browsers drop some), and paths that begin with // or may do so after dots are
// resolved. Backslashes and control characters are refused percent-encoded, too.
func ValidTarget(s string) bool {
	if len(s) == 0 || len(s) > maxTarget || s[0] != '/' || !printable(s) {
		return false
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return false
	}
	return rooted(u.Path) && !ambiguous(u.Path)
}

// printable reports whether s has only visible ASCII characters and no backslash.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '\\' })
}

// rooted reports whether the decoded path begins with a slash and has no control character
// and no backslash. It may have any letters and blanks.
func rooted(path string) bool {
	bad := func(c rune) bool { return c < ' ' || c == 0x7f || c == '\\' }
	return strings.HasPrefix(path, "/") && !strings.ContainsFunc(path, bad)
}

// ambiguous reports whether the decoded path begins with //, or may do so after its dots are
// resolved. Programs differ in what ".." removes from "a//", so // with dots is refused.
func ambiguous(path string) bool {
	if !strings.Contains(path, "//") {
		return false
	}
	dots := func(segment string) bool { return segment == "." || segment == ".." }
	return strings.HasPrefix(path, "//") || slices.ContainsFunc(strings.Split(path, "/"), dots)
}
