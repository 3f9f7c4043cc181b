package portal

import (
	"maps"
	"net/http"

	"github.com/secondgate/secondgate/internal/gate"
)

// A request may carry credentials of several kinds: cookies, declared headers, other headers
// that are not ordinary, declared parameters, and what the server adds. The portal may use one
// kind for whoami and another kind for other pages. Two examples: an attacker's own token
// together with a victim's cookie, and a header that makes whoami ignore the session
// (MediaWiki's API has one). Therefore each kind is also asked about separately, and the
// answers are combined.

// askEach asks about all credentials together, and about each kind of credentials separately.
// The cookies are asked about first, because a question with a header or a parameter may sign
// in another user in the cookies' session.
func (s *session) askEach() Answer {
	if s.presents() {
		return s.askWithoutToken()
	}
	kinds := s.kinds()
	if len(kinds) < 2 {
		return s.round()
	}
	var first []Answer
	if !kinds[0].Jar.Empty() {
		a := s.askKind(kinds[0])
		s.changes, kinds, first = a.Changes, kinds[1:], []Answer{a}
	}
	together := s.round()
	answers := append([]Answer{together}, first...)
	for _, kind := range kinds {
		if together.Kind == gate.Unknown {
			break
		}
		answers = append(answers, s.askKind(kind))
	}
	for i := range answers[1:] {
		if a := &answers[i+1]; a.Kind == gate.Unknown {
			a.Why = "asked about cookies and headers one by one: " + a.Why
		}
	}
	all := Combine(answers...)
	// The question with all credentials was asked after the one about cookies, and with the
	// cookies that it set. Its changes are therefore complete.
	all.Changes = together.Changes
	return all
}

// askWithoutToken asks in a visit that remembers a token. The portal does not get the token
// with the request. The answer with the token therefore counts only if the credentials that
// the portal does get are anonymous. These are asked about first, as in askEach.
func (s *session) askWithoutToken() Answer {
	withoutToken := &session{asker: s.asker, ctx: s.ctx, Credentials: s.Credentials, fetch: s.fetch, changes: s.changes}
	withoutToken.Jar = s.Jar.Apply([]Change{TokenGone()})
	if len(withoutToken.kinds()) == 0 {
		return s.round()
	}
	a := withoutToken.askEach()
	s.changes = a.Changes
	together := s.round()
	if a.Kind != gate.Anonymous {
		a.Changes = together.Changes
		return a
	}
	return together
}

// kinds returns one set of credentials for each kind that the request carries, cookies first.
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

// askKind asks about one kind of credentials. The changes of its answer are those of the
// session so far, followed by those that the answer itself set.
func (s *session) askKind(c Credentials) Answer {
	one := &session{asker: s.asker, ctx: s.ctx, Credentials: c, fetch: s.fetch, changes: s.changes}
	return one.round()
}

// presents reports whether the question's header gets the jar's token: there is one, and the
// request itself has none.
func (s *session) presents() bool {
	token, _ := s.Jar.Token()
	return token != "" && s.asker.TokenHeader != "" && s.Header[s.asker.TokenHeader] == nil
}
