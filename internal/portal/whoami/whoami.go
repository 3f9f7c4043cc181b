// Package whoami evaluates a portal's response to the question which user a request's credentials
// belong to. A [Question] returns a [Verdict]. Package portal asks; package onboard tries
// candidates.
//
// It guarantees that an ambiguous response is Unknown. User needs a 2xx response with exactly
// one distinct value. Anonymous needs a positive sign and no value that could be a user. Unknown
// is never treated as Anonymous.
package whoami

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Kind is the result of a question: User, Anonymous or Unknown.
type Kind int

const (
	// Unknown: neither could be proven. It is the zero value.
	Unknown Kind = iota
	Anonymous
	User
)

// Verdict is the result of evaluating one response, or several.
type Verdict struct {
	Kind Kind
	// User is the portal's canonical id, normalised, for Kind User only: valid UTF-8
	// without control characters, at most MaxUser bytes.
	User string
	// Name and Email are for display only; either may be empty. They do not identify a user.
	Name, Email string
	// Apart says that the question is about a part of the portal with a sign-in of its own.
	Apart bool
	// Scopes are the questions apart that named the user, a bit for each, in what Agree
	// returns.
	Scopes uint64
	// Why is the reason for the operator's log if Kind is Unknown. It quotes nothing of the page.
	Why string
}

// Response is the portal's response; redirects are not followed.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	// Truncated says that Body is not the whole body.
	Truncated bool
}

// MaxUser bounds ids, names and e-mail addresses, in bytes.
const MaxUser = 256

// maxToken bounds the value of the first step, in bytes, because it is sent in a header.
const maxToken = 4096

// Question is one compiled whoami. It is safe for concurrent use.
type Question struct {
	uri, firstURI string
	header        map[string]string
	anonymous     []sign
	user          *extractor
	// first, name and email are optional.
	first, name, email *extractor
	normalize          []func(string) string
	apart              bool
}

// URI returns the path and query of the question.
func (q *Question) URI() string { return q.uri }

// First returns the path and query of the first step; ok is false if the question has one step
// only.
func (q *Question) First() (uri string, ok bool) {
	if q.first == nil {
		return "", false
	}
	return q.firstURI, true
}

// ExtractFirst returns the token in the first step's response, which Headers needs. Without a token
// there is no second step, and the verdict is final. It is Anonymous if the response shows one of
// the anonymous signs, because some portals give strangers no token, and otherwise Unknown.
func (q *Question) ExtractFirst(res Response) (token string, v Verdict) {
	defer func() { v.Apart = q.apart }()
	p, err := read(res)
	if err != nil {
		return "", unknown(res, "first step: %v", err)
	}
	found := p.find(q.first)
	token, count := found.one()
	switch {
	case count == none && q.shows(p):
		return "", Verdict{Kind: Anonymous}
	case count != one:
		return "", unknown(res, "first step: %s", found)
	case len(token) > maxToken || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return "", unknown(res, "first step: the value can't be put into a header")
	}
	return token, Verdict{}
}

// Headers returns the configured headers of the question; token, which may be empty
// for a question of one step, replaces {first}.
func (q *Question) Headers(token string) http.Header {
	h := make(http.Header, len(q.header))
	for name, value := range q.header {
		h.Set(name, strings.ReplaceAll(value, firstPlaceholder, token))
	}
	return h
}

// Judge evaluates the response to the question. It always evaluates both the signs under
// `anonymous` and the extractor under `user`.
func (q *Question) Judge(res Response) Verdict {
	v := q.judge(res)
	v.Apart = q.apart
	return v
}

func (q *Question) judge(res Response) Verdict {
	p, err := read(res)
	if err != nil {
		return unknown(res, "%v", err)
	}
	anonymous, found := q.shows(p), p.find(q.user)
	id, count := found.one()
	switch {
	case anonymous && count == none:
		return Verdict{Kind: Anonymous}
	case anonymous:
		return unknown(res, "an anonymous sign matches, although user finds a value: %s", found)
	case count != one:
		return unknown(res, "no anonymous sign matches, and user finds no usable value: %s", found)
	}
	return q.identify(p, res, id)
}

// identify normalises an id, checks it, and adds the user's name and email address.
func (q *Question) identify(p *page, res Response, id string) Verdict {
	for _, f := range q.normalize {
		id = f(id)
	}
	switch {
	case slices.Contains(q.user.not, id):
		return unknown(res, "no anonymous sign matches, and the id is one of the values under not")
	case !presentable(id):
		return unknown(res, "the id is empty, longer than %d bytes or has control characters", MaxUser)
	}
	return Verdict{Kind: User, User: id, Name: show(q.name, p), Email: show(q.email, p)}
}

// shows reports whether the page has any of the anonymous signs.
func (q *Question) shows(p *page) bool {
	return slices.ContainsFunc(q.anonymous, func(s sign) bool { return s(p) })
}

// show returns the value of an optional extractor, or "" if it has not exactly one presentable
// value.
func show(x *extractor, p *page) string {
	if x == nil {
		return ""
	}
	v, count := p.find(x).one()
	v = strings.TrimSpace(v)
	if count != one || !presentable(v) {
		return ""
	}
	return v
}

func unknown(res Response, format string, args ...any) Verdict {
	return Verdict{Why: fmt.Sprintf("status %d: ", res.Status) + fmt.Sprintf(format, args...)}
}

// Agree combines the verdicts on several questions. All must agree: Anonymous needs all, and
// User needs the same user from all. There is one exception: a question about a part of the
// portal that is apart may be Anonymous while another question names a user. Without any
// verdict, the result is Unknown.
func Agree(verdicts []Verdict) Verdict {
	if len(verdicts) == 0 {
		return Verdict{Why: "nothing was asked"}
	}
	first := max(0, slices.IndexFunc(verdicts, func(v Verdict) bool { return v.Kind == User }))
	all := verdicts[first]
	all.Apart, all.Scopes = false, 0
	for i, v := range verdicts {
		switch {
		case v.Kind == Unknown:
			return Verdict{Why: fmt.Sprintf("whoami %d: %s", i+1, v.Why)}
		case v.Kind == Anonymous && v.Apart:
			continue
		case v.Kind != all.Kind || v.User != all.User:
			return Verdict{Why: fmt.Sprintf("whoami %d and %d do not agree", min(i, first)+1, max(i, first)+1)}
		case v.Apart:
			all.Scopes |= 1 << i
		}
		if all.Name == "" {
			all.Name = v.Name
		}
		if all.Email == "" {
			all.Email = v.Email
		}
	}
	return all
}
