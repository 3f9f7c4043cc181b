package userpages

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/secondgate/secondgate/internal/userpages/cookiestate"
	"github.com/secondgate/secondgate/internal/userpages/guard"
)

// Return is where a browser was going when it was sent to the challenge.
type Return struct {
	// User is the only user that the target is disclosed to.
	User string
	// Target is a path on this origin, with query; see ValidTarget.
	Target string
	// NotSent says that a form was being sent, and was not; Target is the form's page.
	NotSent bool
	// Padding gives all sealed targets the same length. Without it the length of the cookie tells an
	// attacker with the password where the portal led the user.
	Padding string
}

// padded returns the target with its padding.
func (ret Return) padded() Return {
	ret.Padding = strings.Repeat("=", max(0, maxTarget-jsonLength(ret.Target)))
	return ret
}

// jsonLength is how many bytes a printable ASCII string has as JSON, without its quotes.
func jsonLength(s string) int {
	text, _ := json.Marshal(s) // a string always has one
	return len(text) - 2
}

// SetReturn remembers where to return to, for an hour. An invalid target becomes
// "/"; one that is too long for a cookie loses its query.
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

// TakeReturn reads what SetReturn remembered for this user and deletes it. What was
// remembered for another user is deleted unread.
func (s *State) TakeReturn(w http.ResponseWriter, r *http.Request, user string, secure bool) (Return, bool) {
	b := s.browser(w, r, secure)
	defer returnField.Drop(b)
	return peekReturn(b, user)
}

func peekReturn(b cookiestate.Browser, user string) (Return, bool) {
	ret, ok := returnField.Get(b, cookiestate.Owner{User: user})
	return ret, ok && ValidTarget(ret.Target)
}

// takeReturn remembers the page that a script of this site says to come back to, and
// leads to the same page without that in its address. It returns false where nothing
// was said. Links from other sites are ignored: one could make a user who has just given a
// code perform what the portal does on a GET.
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

// fromHere reports whether a page of this origin led here: as the browser says, or else
// by Referer.
func fromHere(r *http.Request, secure bool) bool {
	if site := r.Header["Sec-Fetch-Site"]; len(site) > 0 {
		return len(site) == 1 && site[0] == "same-origin"
	}
	u, err := url.Parse(r.Header.Get("Referer"))
	return err == nil && guard.IsOrigin(u, r.Host, secure)
}
