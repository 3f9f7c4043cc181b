package portal

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// Limits of one question. A whoami page may be up to 1 MiB long. The deadline permits a slow
// portal, but is shorter than most customers wait.
const (
	MaxBody     = 1 << 20
	AskDeadline = 15 * time.Second
)

// Answer says which user the portal recognises by certain credentials.
type Answer struct {
	Kind gate.Answer
	// User is the canonical id. Name and Email are only displayed and mailed to; they identify no
	// user.
	User, Name, Email string
	// Scopes has a bit for each whoami that named the user. It shows which parts of a portal with
	// several sign-ins the user is signed in to.
	Scopes uint64
	// Why is the reason for the operator's log if Kind is Unknown. It quotes no content of the
	// portal.
	Why string
	// Changes are the cookies that the questions' own responses set, in order.
	Changes []Change
}

// Fetch sends one GET to the portal, through the same route as the request that the question is
// about. It reads at most MaxBody bytes and follows no redirect.
type Fetch func(ctx context.Context, uri string, header http.Header) (whoami.Response, error)

// Asker asks a portal's whoami questions.
type Asker struct {
	Questions    []*whoami.Question
	CookiePolicy *CookiePolicy
	Clock        func() time.Time
	// TokenHeader carries the jar's token where the request itself has none; "" for none.
	TokenHeader string
	// Headers says which of a question's headers are credentials.
	Headers *Headers
}

// Credentials are what a question is about.
type Credentials struct {
	Jar *Jar
	// Path is the request's path: the question carries the cookies that a request to Path
	// carries. Where it is empty, each question carries the cookies of its own path; for
	// Everywhere it carries all.
	Path string
	// Header is the header that the question's header is derived from; see [Headers.Question].
	Header http.Header
	// Query are the declared parameters of the query, as they were sent.
	Query string
	// Added says that the server itself adds credentials to the request and its questions: a client
	// certificate, a placeholder. Bare says that this question is sent without them.
	Added, Bare bool
}

// bareKey is the context key of a question that carries no credentials of the server's own.
type bareKey struct{}

// IsBare reports whether a question is sent without the credentials that the server itself adds.
// ctx is the context that the [Fetch] was called with.
func IsBare(ctx context.Context) bool { return ctx.Value(bareKey{}) != nil }

// Paths returns the paths that questions go to.
func (a *Asker) Paths() (paths []string) {
	for _, q := range a.Questions {
		if first, ok := q.First(); ok {
			paths = append(paths, pathOf(first))
		}
		paths = append(paths, pathOf(q.URI()))
	}
	return paths
}

func pathOf(uri string) string {
	path, _, _ := strings.Cut(uri, "?")
	return path
}

// Ask puts all questions, one after another, with these credentials. Cookies that a
// response sets are in the credentials of the next, as in a browser.
func (a *Asker) Ask(ctx context.Context, c Credentials, fetch Fetch) Answer {
	ctx, cancel := context.WithTimeout(ctx, AskDeadline)
	defer cancel()
	s := &session{asker: a, ctx: ctx, Credentials: c, fetch: fetch}
	return s.askEach()
}

// Combine returns the answer to several questions about one request (design rule Q3): two different
// users give Unknown; a user and Anonymous give that user; Anonymous is given only if all are; any
// Unknown gives Unknown. Its Changes are those of all answers, in order.
func Combine(answers ...Answer) Answer {
	if len(answers) == 0 {
		return Answer{Why: "nothing was asked"}
	}
	all := answers[0]
	all.Changes = slices.Clip(all.Changes)
	for _, a := range answers[1:] {
		changes := append(all.Changes, a.Changes...)
		switch {
		case all.Kind == gate.Unknown:
		case a.Kind == gate.Unknown, all.Kind == gate.Anonymous && a.Kind == gate.User:
			all = a
		case a.Kind == gate.User && a.User != all.User:
			all = Answer{Why: "two questions about one request name different users"}
		case a.Kind == gate.User:
			all.Scopes |= a.Scopes
		}
		all.Changes = changes
	}
	return all
}

// round asks all questions once.
func (s *session) round() Answer {
	var verdicts []whoami.Verdict
	for _, q := range s.asker.Questions {
		v, err := s.put(q)
		if err != nil {
			return Answer{Why: err.Error(), Changes: s.changes}
		}
		verdicts = append(verdicts, v)
	}
	return s.answer(whoami.Agree(verdicts))
}

// session is the state of one call of Ask: the credentials, including the cookies that the
// questions' responses have set.
type session struct {
	Credentials
	asker   *Asker
	ctx     context.Context
	fetch   Fetch
	changes []Change
	// began says that a question carried no cookie. The cookies that it set begin another session
	// than the browser's. They are sent with the later questions, but are not in the answer's
	// Changes.
	began bool
}

// put asks one question. If the question has two steps, the first fetches a token for the second.
func (s *session) put(q *whoami.Question) (whoami.Verdict, error) {
	token := ""
	if uri, ok := q.First(); ok {
		res, err := s.get(uri, nil)
		if err != nil {
			return whoami.Verdict{}, err
		}
		var final whoami.Verdict
		if token, final = q.ExtractFirst(res); token == "" {
			return at(uri, final), nil
		}
	}
	res, err := s.get(q.URI(), q.Headers(token))
	if err != nil {
		return whoami.Verdict{}, err
	}
	return at(q.URI(), q.Judge(res)), nil
}

// at prefixes the reason of a verdict with the path that was asked for.
func at(uri string, v whoami.Verdict) whoami.Verdict {
	if v.Why != "" {
		v.Why = pathOf(uri) + ": " + v.Why
	}
	return v
}

// get sends one request with the present credentials, and applies the cookies that its response
// sets.
func (s *session) get(uri string, extra http.Header) (whoami.Response, error) {
	asked := pathOf(uri)
	cookies := asked
	if s.Path != "" {
		cookies = s.Path
	}
	header := s.Header.Clone()
	if v := s.Jar.View(cookies); v.Header != "" {
		header["Cookie"] = []string{v.Header}
	}
	if name := s.asker.TokenHeader; name != "" && header[name] == nil {
		if token, _ := s.Jar.Token(); token != "" {
			header[name] = []string{TokenValue(name, token)}
		}
	}
	for name, values := range extra {
		if !yields(name, header) {
			header[name] = values
		}
	}
	if s.Query != "" {
		joint := "?"
		if strings.Contains(uri, "?") {
			joint = "&"
		}
		uri += joint + s.Query
	}
	ctx := s.ctx
	if s.Bare {
		ctx = context.WithValue(ctx, bareKey{}, true)
	}
	res, err := s.fetch(ctx, uri, header)
	if err != nil {
		return res, fmt.Errorf("asking %s: %w", asked, err)
	}
	set, err := Changes(res.Header["Set-Cookie"], asked, s.asker.CookiePolicy, s.asker.Clock())
	if err != nil {
		return res, fmt.Errorf("asking %s: %w", asked, err)
	}
	set = s.Jar.Carried(set, cookies)
	if s.began = s.began || header["Cookie"] == nil; !s.began {
		s.changes = append(s.changes, set...)
	}
	s.Jar = s.Jar.Apply(set)
	return res, nil
}

// yields reports whether the request's value of a header is used in place of the one that whoami
// configures, because portals bind sessions to these headers.
func yields(name string, header http.Header) bool {
	sent := header[name]
	switch {
	case len(sent) == 0:
		return false
	case name == "Accept":
		return len(sent) != 1 || sent[0] != constantAccept[0]
	}
	return name == "User-Agent" || strings.HasPrefix(name, "Accept-")
}

func (s *session) answer(v whoami.Verdict) Answer {
	a := Answer{User: v.User, Name: v.Name, Email: v.Email, Scopes: v.Scopes, Why: v.Why, Changes: s.changes}
	switch v.Kind {
	case whoami.User:
		a.Kind = gate.User
	case whoami.Anonymous:
		a.Kind = gate.Anonymous
	}
	return a
}
