package portal

import (
	"maps"
	"net/http"

	"github.com/secondgate/secondgate/internal/gate"
)

// A request may carry credentials of several kinds: cookies, declared headers, other
// headers that are not ordinary, declared parameters, what the server adds. Whoami may go by one of them and
// another page by another: an attacker's own token beside a victim's cookie, or a header
// that makes whoami ignore the session (MediaWiki's API has one). So where there are
// several, each kind is asked about alone too, and the answers are combined.

// askEach asks about each kind of credentials alone, after all were asked about together.
func (s *session) askEach(together Answer) Answer {
	if s.presents() {
		return s.askWithoutToken(together)
	}
	kinds := s.kinds()
	if together.Kind == gate.Unknown || len(kinds) < 2 {
		return together
	}
	answers := []Answer{together}
	changes := together.Changes
	for _, kind := range kinds {
		a := s.alone(kind)
		if !kind.Jar.Empty() {
			changes = a.Changes // what is set for other credentials does not belong to these cookies
		}
		if a.Kind == gate.Unknown {
			a.Why = "asked about cookies and headers one by one: " + a.Why
		}
		answers = append(answers, a)
	}
	all := Combine(answers...)
	all.Changes = changes
	return all
}

// askWithoutToken is for a visit that remembers a token. The portal does not get the
// token with the request, so its answer counts only where the credentials that the portal
// does get are anonymous.
func (s *session) askWithoutToken(together Answer) Answer {
	own := &session{asker: s.asker, ctx: s.ctx, Credentials: s.Credentials, fetch: s.fetch, changes: s.changes}
	own.Jar = s.Jar.Apply([]Change{TokenGone()})
	if len(own.kinds()) == 0 {
		return together
	}
	a := own.askEach(own.round())
	together.Changes = a.Changes
	if a.Kind == gate.Anonymous {
		return together
	}
	return a
}

// kinds returns the credentials of each kind that is there, cookies first.
func (s *session) kinds() (list []Credentials) {
	h := s.asker.Headers
	only := func(keep func(name string) bool) http.Header {
		some := maps.Clone(s.Header)
		maps.DeleteFunc(some, func(name string, _ []string) bool { return h.Credential(name) && !keep(name) })
		return some
	}
	none := only(func(string) bool { return false })
	if s.Added {
		defer func() {
			for i := range list {
				list[i].Bare = true
			}
			list = append(list, Credentials{Jar: EmptyJar, Header: none})
		}()
	}
	if cookies := s.Jar.Apply([]Change{TokenGone()}); !cookies.Empty() {
		list = append(list, Credentials{Jar: cookies, Path: s.Path, Header: none})
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
