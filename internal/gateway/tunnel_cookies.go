package gateway

import (
	"crypto/sha256"
	"slices"
	"sync"

	"github.com/secondgate/secondgate/internal/portal"
)

// tunnelCookies are the cookies that questions about a tunnel carry: those that it was opened
// with, because the portal knows its user by them, and those that the portal set in their
// place since. Other cookies of the visit may be another session's.
type tunnelCookies struct {
	mu sync.Mutex
	// first are the cookies that the tunnel was opened with. now are the same, as the portal has
	// renewed them.
	first, now *portal.Jar
	// values are the digests of the values that each cookie has had, the newest last.
	values map[cookieID][]digest
}

// cookieID identifies a cookie in a jar. The path of a cookie under `leave` is unknown and empty.
type cookieID struct {
	class      portal.Class
	name, path string
}

// digest is the SHA-256 of a cookie's value. It is kept in place of the value, which may be long.
type digest [sha256.Size]byte

// maxValues bounds the values that are remembered of one cookie. Earlier ones are needed because
// requests that run side by side carry them, at a portal that renews its session's cookie with
// each response.
const maxValues = 16

// newTunnelCookies returns the cookies of a tunnel that is opened with jar. sent are the cookies
// as the browser sent them.
func newTunnelCookies(sent, jar *portal.Jar) *tunnelCookies {
	c := &tunnelCookies{first: jar, now: jar, values: make(map[cookieID][]digest)}
	for _, j := range []*portal.Jar{sent, jar} {
		for _, ch := range j.Credentials() {
			c.add(ch)
		}
	}
	return c
}

func idOf(ch portal.Change) cookieID {
	if ch.Class == portal.Passthrough {
		return cookieID{ch.Class, ch.Name, ""}
	}
	return cookieID{ch.Class, ch.Name, ch.Path}
}

func (c *tunnelCookies) add(ch portal.Change) {
	id, value := idOf(ch), digest(sha256.Sum256([]byte(ch.Value)))
	if slices.Contains(c.values[id], value) {
		return
	}
	c.values[id] = append(c.values[id], value)
	if n := len(c.values[id]); n > maxValues {
		c.values[id] = slices.Delete(c.values[id], 1, n-maxValues+1) // never the first
	}
}

// follow takes a cookie that a response set in place of one of the tunnel's: one of the same name
// and path, if the request carried the tunnel's value. [visits.Renewals] calls it.
func (c *tunnelCookies) follow(sent *portal.Jar, changes []portal.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ch := range changes {
		if len(c.values[idOf(ch)]) == 0 || !c.known(sent, ch) {
			continue
		}
		c.now = c.now.Apply([]portal.Change{ch})
		if !ch.Delete {
			c.add(ch)
		}
	}
}

// has reports whether jar has the tunnel's value of the cookie that a change sets, or, if the
// tunnel has no such cookie, none either. A public cookie belongs to no session and always
// counts.
func (c *tunnelCookies) has(jar *portal.Jar, ch portal.Change) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return ch.Class == portal.Public || c.known(jar, ch)
}

// precedes reports whether a change that was set in place of the tunnel's cookies may reach a
// browser that sent these: it has the tunnel's cookie, or, for a new one, all of them. See
// [visits.Follows].
func (c *tunnelCookies) precedes(sent *portal.Jar, ch portal.Change) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.values[idOf(ch)]) > 0 {
		return c.known(sent, ch)
	}
	return !slices.ContainsFunc(c.now.Credentials(), func(o portal.Change) bool { return !c.known(sent, o) })
}

// known is has without the exception for public cookies, for a caller that holds mu.
func (c *tunnelCookies) known(jar *portal.Jar, ch portal.Change) bool {
	value, ok := jar.Value(ch)
	values := c.values[idOf(ch)]
	if !ok || len(values) == 0 {
		return !ok && len(values) == 0
	}
	return slices.Contains(values, sha256.Sum256([]byte(value)))
}

// jars returns the cookies as renewed and, if they were, those that the tunnel was opened with: a
// portal may keep a session alive under its old name, too. first is nil if none was renewed.
func (c *tunnelCookies) jars() (now, first *portal.Jar) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now.Key() == c.first.Key() {
		return c.now, nil
	}
	return c.now, c.first
}

// session returns jars without renewed cookies that outlive the browser. A portal may take an old
// remember-me token for a stolen one, and end all of the user's sessions, so it is not asked
// about without need. now has only the renewed cookies that do not outlive the browser; first has
// the first cookies without the renewed ones that do. Both are nil unless cookies of both kinds
// were renewed.
func (c *tunnelCookies) session() (now, first *portal.Jar) {
	c.mu.Lock()
	defer c.mu.Unlock()
	outlive, others := c.renewed()
	if len(outlive) == 0 || len(others) == 0 {
		return nil, nil
	}
	rest := slices.DeleteFunc(c.now.Credentials(), func(ch portal.Change) bool {
		return slices.ContainsFunc(others, func(o portal.Change) bool { return idOf(o) == idOf(ch) })
	})
	return c.now.Apply(deleted(rest)), c.first.Apply(deleted(outlive))
}

// renewed returns the first cookies that the portal has renewed: those that outlive the browser,
// and the others.
func (c *tunnelCookies) renewed() (outlive, others []portal.Change) {
	for _, ch := range c.first.Sealings() {
		switch value, ok := c.now.Value(ch); {
		case ok && value == ch.Value:
		case ch.Expires.IsZero():
			others = append(others, ch)
		default:
			outlive = append(outlive, ch)
		}
	}
	return outlive, others
}

// deleted returns changes that delete the cookies which these set.
func deleted(changes []portal.Change) []portal.Change {
	for i := range changes {
		changes[i].Delete = true
	}
	return changes
}
