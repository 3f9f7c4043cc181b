// Package direct asks a portal itself, without the gate in front of it, whose a session
// is, and observes three properties of its sessions that the gate has to deal with:
// cookies that no whoami gets ([Portal.Uncovered]), sign-ins that are committed after the
// response ([Portal.Commit]), and sessions that are bound to request headers
// ([Portal.Bound]).
package direct

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/cookie"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// timeout bounds one question.
const timeout = 10 * time.Second

// Portal is a portal and the questions to it.
type Portal struct {
	// URL is its scheme and host.
	URL       string
	Questions []*whoami.Question
}

// Ask sends one question as the gateway does: no redirects, and no Accept but one in
// header.
func (p Portal) Ask(ctx context.Context, b *browse.Browser, uri string, header http.Header) (whoami.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	h := browse.Navigation()
	h.Del("Accept")
	h.Set("Cache-Control", "no-cache")
	for name, values := range header {
		h[name] = values
	}
	page, err := b.Once(ctx, http.MethodGet, p.URL+uri, h, nil)
	if err != nil {
		return whoami.Response{}, err
	}
	return Response(page), nil
}

// Response is a page as whoami takes it; compression was undone already.
func Response(p *browse.Page) whoami.Response {
	h := p.Header.Clone()
	h.Del("Content-Encoding")
	return whoami.Response{Status: p.Status, Header: h, Body: p.Body, Truncated: len(p.Body) > portal.MaxBody}
}

// Put asks one whole question, with the step before it where it has one. extra are
// headers that replace whoami's own.
func (p Portal) Put(ctx context.Context, b *browse.Browser, q *whoami.Question, extra http.Header) whoami.Verdict {
	token := ""
	if uri, ok := q.First(); ok {
		res, err := p.Ask(ctx, b, uri, extra)
		if err != nil {
			return whoami.Verdict{Why: err.Error()}
		}
		var final whoami.Verdict
		if token, final = q.ExtractFirst(res); token == "" {
			return final
		}
	}
	header := q.Headers(token)
	for name, values := range extra {
		header[name] = values
	}
	res, err := p.Ask(ctx, b, q.URI(), header)
	if err != nil {
		return whoami.Verdict{Why: err.Error()}
	}
	return q.Judge(res)
}

// Who is the answer of all questions for a browser's cookies, which change as a
// browser's would.
func (p Portal) Who(ctx context.Context, b *browse.Browser, extra http.Header) whoami.Verdict {
	var all []whoami.Verdict
	for _, q := range p.Questions {
		all = append(all, p.Put(ctx, b, q, extra))
	}
	return whoami.Agree(all)
}

// Uncovered returns the cookies with a name that no question carries, because the cookies
// of that name are for other paths than the questions' (design rule Q2).
func (p Portal) Uncovered(cookies []browse.Cookie) []browse.Cookie {
	paths := p.paths()
	carried := func(name string) bool {
		return slices.ContainsFunc(cookies, func(c browse.Cookie) bool {
			return c.Name == name && slices.ContainsFunc(paths, func(path string) bool { return cookie.PathMatch(c.Path, path) })
		})
	}
	return slices.DeleteFunc(slices.Clone(cookies), func(c browse.Cookie) bool { return carried(c.Name) })
}

// paths are those that questions go to.
func (p Portal) paths() (paths []string) {
	for _, q := range p.Questions {
		uris := []string{q.URI()}
		if first, ok := q.First(); ok {
			uris = append(uris, first)
		}
		for _, uri := range uris {
			if u, err := url.Parse(uri); err == nil {
				paths = append(paths, u.Path)
			}
		}
	}
	return paths
}
