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

// Names are the names of the portals' own cookies that may carry a session, by realm. The
// portal may take a session from a field or a parameter of such a name, in a visit too
// that has no such cookie. They are learned from the HttpOnly cookies that the portal sets,
// in answer to requests that did not bring the value, and forgotten when the process ends.
// It is safe for concurrent use.
type Names struct {
	mu     sync.Mutex
	realms atomic.Pointer[map[string][]string]
}

// Learn notes that the portal of the realm set a cookie. What scripts may read, or what is
// no token, such as an address that a visitor typed, is not taken for a session's; nor is
// what the request brought, which sent reports: a visitor chose it.
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

// Takes reports whether some portal takes the name for that of one of the realm's cookies
// (cookie.Same).
func (n *Names) Takes(realm, name string) bool {
	return slices.ContainsFunc(n.of(realm), func(known string) bool { return cookie.Same(known, name) })
}
