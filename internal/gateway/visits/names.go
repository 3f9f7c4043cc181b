package visits

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/cookie"
)

const (
	// minLearned is the least length of a value, in bytes, for its cookie to count as a session
	// or login token. Shorter values are languages and themes; the names of such cookies are
	// also ordinary names of form fields.
	minLearned = 16
	// maxLearned bounds the names of one realm.
	maxLearned = 256
	// minLasting is the least time for which a cookie of a remembered sign-in lasts. Sessions
	// are given to strangers too, and end sooner.
	minLasting = 24 * time.Hour
)

// Names holds, by realm, the names of the portals' own cookies that may carry a session. The portal
// may also read a session id from a form field or a query parameter of such a name, even if the
// visit has no such cookie, so the gate refuses those fields. Learn collects the names from
// responses; they are lost when the process ends. Names is safe for concurrent use.
type Names struct {
	mu     sync.Mutex
	realms atomic.Pointer[map[string][]learned]
}

// learned is a name with what all values seen under it have in common.
type learned struct {
	name string
	Form
}

// Form is what all values of a cookie have in common, as far as they were seen. A value of
// another form can't be a session's id under that name.
type Form struct {
	// Encoded says that the values contain encoded JSON (see MayBeEncoded). They are signed or
	// encrypted, so a portal makes no session of a value that a visitor chose.
	Encoded bool
	// Lasting says that the cookies lasted for a day or more, as those of a remembered sign-in.
	Lasting bool
}

func formOf(c *portal.Cookie) Form {
	return Form{
		Encoded: strings.HasPrefix(c.Value, "eyJ") || strings.HasPrefix(c.Value, ".eJ"),
		Lasting: !c.Expires.IsZero() && c.Expires.Sub(c.Sealed) >= minLasting,
	}
}

func (f Form) and(other Form) Form {
	return Form{Encoded: f.Encoded && other.Encoded, Lasting: f.Lasting && other.Lasting}
}

// MayBeEncoded reports whether a decoded text contains encoded JSON: a JWT or an encrypted cookie
// (Laravel), or a signed session of Flask, which may be compressed.
func MayBeEncoded(text string) bool {
	return strings.Contains(text, "eyJ") || strings.Contains(text, ".eJ")
}

// Learn records the name of a cookie that the portal of the realm set, if the cookie may carry a
// session. It ignores a cookie that is not HttpOnly, a value that is no token (short, or with an
// "@" or a blank, as an address that the visitor typed), and a value that the request contained,
// because the client chose it. sent reports the last.
func (n *Names) Learn(realm string, c *portal.Cookie, sent func(value string) bool) {
	if !c.HTTPOnly || len(c.Value) < minLearned || strings.ContainsAny(c.Value, "@ ") || strings.Contains(c.Value, "%40") {
		return
	}
	seen := learned{c.Name, formOf(c)}
	if known, ok := n.find(realm, c.Name); ok && known.and(seen.Form) == known || sent(c.Value) {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	fresh := make(map[string][]learned)
	if old := n.realms.Load(); old != nil {
		for realm, names := range *old {
			fresh[realm] = names
		}
	}
	names := slices.Clone(fresh[realm])
	at := slices.IndexFunc(names, func(known learned) bool { return known.name == c.Name })
	switch {
	case at >= 0:
		names[at].Form = names[at].and(seen.Form)
	case len(names) < maxLearned:
		names = append(names, seen)
	default:
		return
	}
	fresh[realm] = names
	n.realms.Store(&fresh)
}

// find returns the form of exactly this name.
func (n *Names) find(realm, name string) (Form, bool) {
	for _, known := range n.of(realm) {
		if known.name == name {
			return known.Form, true
		}
	}
	return Form{}, false
}

func (n *Names) of(realm string) []learned {
	if all := n.realms.Load(); all != nil {
		return (*all)[realm]
	}
	return nil
}

// Takes reports whether a portal may read the name as that of one of the realm's cookies (see
// cookie.Same). form is what all cookies with such names have in common.
func (n *Names) Takes(realm, name string) (form Form, takes bool) {
	for _, known := range n.of(realm) {
		switch {
		case !cookie.Same(known.name, name):
		case takes:
			form = form.and(known.Form)
		default:
			form, takes = known.Form, true
		}
	}
	return form, takes
}
