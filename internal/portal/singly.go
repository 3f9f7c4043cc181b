package portal

import (
	"maps"
	"net/http"

	"github.com/secondgate/secondgate/internal/gate"
)

// A request may carry cookies and a header that could be a credential, and whoami may go
// by one of them and some page by the other: a token of one's own beside somebody else's
// cookie, or a header that only whoami knows and that makes it see nobody (MediaWiki's API
// has one). So where both are there, each is asked about alone too. Nobody's is fine then,
// as where a portal wants both; but whoever it is must be the one whom both together name.

// singly asks about cookies and headers alone, after they were asked about together.
func (s *session) singly(together Answer) Answer {
	headers := maps.Clone(s.base)
	maps.DeleteFunc(headers, func(name string, _ []string) bool { return s.asker.Headers.Credential(name) })
	cookies := s.jar.Apply([]Change{TokenGone()})
	if together.Kind == gate.Unknown || cookies.Empty() || len(headers) == len(s.base) && !s.presents() {
		return together
	}
	byCookies := s.alone(cookies, headers)
	// What is set for a request without the cookies is not for those who have them.
	together.Changes = byCookies.Changes
	if s.presents() {
		if byCookies.Kind == gate.User || byCookies.Kind == gate.Unknown {
			return byCookies // the token is only what the visit remembers of an earlier sign-in
		}
		return together
	}
	for _, a := range []Answer{byCookies, s.alone(EmptyJar, s.base)} {
		a.Changes = together.Changes
		if a.Kind == gate.Unknown {
			return a
		}
		if a.Kind == gate.User && (together.Kind != gate.User || a.User != together.User) {
			return Answer{Why: "cookies and headers name different users", Changes: together.Changes}
		}
	}
	return together
}

// alone asks about some of the credentials. What the answers set is kept in order.
func (s *session) alone(jar *Jar, base http.Header) Answer {
	one := &session{asker: s.asker, ctx: s.ctx, jar: jar, base: base, fetch: s.fetch, changes: s.changes}
	a := one.round()
	if a.Kind == gate.Unknown {
		a.Why = "asked about cookies and headers one by one: " + a.Why
	}
	return a
}

// presents reports whether the jar's token goes into the question's header.
func (s *session) presents() bool {
	token, _ := s.jar.Token()
	return token != "" && s.asker.TokenHeader != "" && s.base[s.asker.TokenHeader] == nil
}
