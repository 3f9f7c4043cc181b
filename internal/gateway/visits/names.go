package visits

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

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
)

// Names holds, by realm, the names of the portals' own cookies that may carry a session. The portal
// may also read a session id from a form field or a query parameter of such a name, even if the
// visit has no such cookie, so the gate refuses those fields. Learn collects the names from
// responses; they are lost when the process ends. Names is safe for concurrent use.
type Names struct {
	mu     sync.Mutex
	realms atomic.Pointer[map[string][]string]
}

// Learn records the name of a cookie that the portal of the realm set, if the cookie may carry a
// session. It ignores a cookie that is not HttpOnly, a value that is no token (short, or with an
// "@" or a blank, as an address that the visitor typed), and a value that the request contained,
// because the client chose it. sent reports the last.
func (n *Names) Learn(realm string, c *portal.Cookie, sent func(value string) bool) {
	name := c.Name
	if !c.HTTPOnly || len(c.Value) < minLearned || strings.ContainsAny(c.Value, "@ ") || strings.Contains(c.Value, "%40") || n.has(realm, name) || sent(c.Value) {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	fresh := make(map[string][]string)
	if old := n.realms.Load(); old != nil {
		for realm, names := range *old {
			fresh[realm] = names
		}
	}
	if names := fresh[realm]; len(names) < maxLearned && !slices.Contains(names, name) {
		fresh[realm] = append(slices.Clone(names), name)
		n.realms.Store(&fresh)
	}
}

func (n *Names) has(realm, name string) bool { return slices.Contains(n.of(realm), name) }

func (n *Names) of(realm string) []string {
	if all := n.realms.Load(); all != nil {
		return (*all)[realm]
	}
	return nil
}

// Takes reports whether some web framework treats name as the name of one of the realm's learned
// cookies (see cookie.Same).
func (n *Names) Takes(realm, name string) bool {
	return slices.ContainsFunc(n.of(realm), func(known string) bool { return cookie.Same(known, name) })
}
