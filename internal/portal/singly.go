package portal

import (
	"maps"
	"net/http"

	"github.com/secondgate/secondgate/internal/gate"
)

// A request may carry credentials of several kinds: cookies, declared headers, other
// headers that are not ordinary, declared parameters. Whoami may go by one of them and
// some page by another: a token of one's own beside somebody else's cookie, or a header
// that only whoami knows and that makes it see nobody (MediaWiki's API has one). So where
// there are several, each is asked about alone too. Nobody's is fine then, as where a
// portal wants two; but whoever it is must be the one whom all together name.

// singly asks about each kind alone, after all were asked about together.
func (s *session) singly(together Answer) Answer {
	if s.presents() {
		return s.remembered(together)
	}
	kinds := s.kinds()
	if together.Kind == gate.Unknown || len(kinds) < 2 {
		return together
	}
	for _, kind := range kinds {
		a := s.alone(kind)
		if !kind.Jar.Empty() {
			together.Changes = a.Changes // what is set for others is not for who has these cookies
		}
		a.Changes = together.Changes
		if a.Kind == gate.Unknown {
			a.Why = "asked about cookies and headers one by one: " + a.Why
			return a
		}
		if a.Kind == gate.User && (together.Kind != gate.User || a.User != together.User) {
			return Answer{Why: "cookies and headers name different users", Changes: together.Changes}
		}
	}
	return together
}

// remembered is the answer of a visit that remembers a token. The portal does not get it,
// so it counts only where what the portal does get is nobody's.
func (s *session) remembered(together Answer) Answer {
	own := &session{asker: s.asker, ctx: s.ctx, Credentials: s.Credentials, fetch: s.fetch, changes: s.changes}
	own.Jar = s.Jar.Apply([]Change{TokenGone()})
	if len(own.kinds()) == 0 {
		return together
	}
	a := own.singly(own.round())
	together.Changes = a.Changes
	if a.Kind == gate.Anonymous {
		return together
	}
	return a
}

// kinds are the credentials of each kind that is there, cookies first.
func (s *session) kinds() (list []Credentials) {
	h := s.asker.Headers
	only := func(keep func(name string) bool) http.Header {
		some := maps.Clone(s.Header)
		maps.DeleteFunc(some, func(name string, _ []string) bool { return h.Credential(name) && !keep(name) })
		return some
	}
	none := only(func(string) bool { return false })
	if cookies := s.Jar.Apply([]Change{TokenGone()}); !cookies.Empty() {
		list = append(list, Credentials{Jar: cookies, Header: none})
	}
	for _, header := range []http.Header{only(h.Declared), only(func(name string) bool { return !h.Declared(name) })} {
		if len(header) > len(none) {
			list = append(list, Credentials{Jar: EmptyJar, Header: header})
		}
	}
	if s.Query != "" {
		list = append(list, Credentials{Jar: EmptyJar, Header: none, Query: s.Query})
	}
	return list
}

// alone asks about some of the credentials. What the answers set is kept in order.
func (s *session) alone(c Credentials) Answer {
	one := &session{asker: s.asker, ctx: s.ctx, Credentials: c, fetch: s.fetch, changes: s.changes}
	return one.round()
}

// presents reports whether the jar's token goes into the question's header.
func (s *session) presents() bool {
	token, _ := s.Jar.Token()
	return token != "" && s.asker.TokenHeader != "" && s.Header[s.asker.TokenHeader] == nil
}
