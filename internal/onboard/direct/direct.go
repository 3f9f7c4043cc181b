// Package direct asks a portal which user is signed in, without the gateway in front of it.
// It also measures three properties of the portal's sessions that the gateway must handle:
// cookies that no whoami receives ([Portal.Uncovered]), sign-ins that are committed after
// their response ([Portal.Commit]), and sessions that are bound to request headers
// ([Portal.Bound]). The commands inspect and check use it.
package direct

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/cookie"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// timeout bounds one question.
const timeout = 10 * time.Second

// Portal is a portal and the questions to ask it, one for each whoami of the site.
type Portal struct {
	URL       string // scheme and host
	Questions []*whoami.Question
}

// Compile compiles the questions of a site.
func Compile(list []config.Whoami) (questions []*whoami.Question, err error) {
	for _, w := range list {
		q, err := whoami.Compile(w)
		if err != nil {
			return nil, fmt.Errorf("whoami %s: %w", w.URI, err)
		}
		questions = append(questions, q)
	}
	return questions, nil
}

// Ask sends one question as the gateway does: it follows no redirects, and sends no Accept
// except the one in header.
func (p Portal) Ask(ctx context.Context, b *browse.Browser, uri string, header http.Header) (whoami.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	h := browse.Navigation()
	h.Del("Accept")
	h.Set("Cache-Control", "no-cache")
	maps.Copy(h, header)
	page, err := b.Once(ctx, http.MethodGet, p.URL+uri, h, nil)
	if err != nil {
		return whoami.Response{}, err
	}
	return Response(page), nil
}

// Response converts a page to the form that package whoami judges. The page's body is
// decompressed already, so the Content-Encoding header is removed.
func Response(p *browse.Page) whoami.Response {
	h := p.Header.Clone()
	h.Del("Content-Encoding")
	return whoami.Response{Status: p.Status, Header: h, Body: p.Body, Truncated: len(p.Body) > portal.MaxBody}
}

// Put asks one question. If it has a first step (whoami.Question.First), Put makes that
// request before, and uses the token from its response. extra replaces request headers.
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
	maps.Copy(header, extra)
	res, err := p.Ask(ctx, b, q.URI(), header)
	if err != nil {
		return whoami.Verdict{Why: err.Error()}
	}
	return q.Judge(res)
}

// Who asks all questions with the browser's cookies and returns the joint verdict. The
// responses may change the browser's cookies. extra replaces request headers.
func (p Portal) Who(ctx context.Context, b *browse.Browser, extra http.Header) whoami.Verdict {
	var all []whoami.Verdict
	for _, q := range p.Questions {
		all = append(all, p.Put(ctx, b, q, extra))
	}
	return whoami.Agree(all)
}

// Uncovered returns the cookies with a name that no question carries: the Path attributes of
// all cookies of that name match none of the questions' paths. Below such a path the gateway
// can't tell the user of a request (design rule Q2).
func (p Portal) Uncovered(cookies []browse.Cookie) []browse.Cookie {
	carried := make(map[string]bool)
	for _, q := range p.Questions {
		uris := []string{q.URI()}
		if first, ok := q.First(); ok {
			uris = append(uris, first)
		}
		for _, uri := range uris {
			u, err := url.Parse(uri)
			for _, c := range cookies {
				carried[c.Name] = carried[c.Name] || err == nil && cookie.PathMatch(c.Path, u.Path)
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(cookies), func(c browse.Cookie) bool { return carried[c.Name] })
}

// moments are the times, from the end of a sign-in's response, at which When looks whether
// the portal has committed the sign-in.
var moments = []time.Duration{
	0, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 1500 * time.Millisecond, 2 * time.Second, 3 * time.Second,
}

// Commit measures how long after the response of a sign-in the portal commits it. It must
// be called right after b received that response. It asks whoami until the answer is no
// longer anonymous, for 3 seconds at most, and returns the time and the last verdict. The
// time is 0 if the first answer names a user.
func (p Portal) Commit(ctx context.Context, b *browse.Browser) (time.Duration, whoami.Verdict) {
	var v whoami.Verdict
	after, _ := When(ctx, func() bool {
		v = p.Who(ctx, b, nil)
		return v.Kind != whoami.Anonymous
	})
	return after, v
}

// When calls seen at each of moments until it returns true. It returns the moment of the
// last call; ok is false if no call returned true or ctx ended.
func When(ctx context.Context, seen func() bool) (after time.Duration, ok bool) {
	began := time.Now()
	for _, after = range moments {
		if !Sleep(ctx, after-time.Since(began)) {
			return after, false
		}
		if seen() {
			return after, true
		}
	}
	return after, false
}

// Sleep waits, and returns false if ctx ended first.
func Sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// others are request headers that some portals bind sessions to, each with a value that
// differs from what package browse sends.
var others = []struct{ name, value string }{
	{"User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"},
	{"Accept-Language", "fi-FI,fi;q=0.8"},
	{"Accept-Encoding", "deflate"},
	{"Accept-Charset", "iso-8859-15"},
	{"Referer", "/another-page"}, // below the portal's URL
	{"Sec-Ch-Ua", `"Chromium";v="141", "Not?A_Brand";v="8"`},
}

// Bound returns the names of the headers to which the portal binds the session of b: if the
// header has another value, whoami does not name the user. If such a request ends the
// session, Bound calls again, which must return a newly signed-in browser.
func (p Portal) Bound(ctx context.Context, b *browse.Browser, again func() (*browse.Browser, error)) (names []string, err error) {
	for _, o := range others {
		if o.name == "Referer" {
			o.value = p.URL + o.value
		}
		if p.Who(ctx, b, http.Header{o.name: {o.value}}).Kind == whoami.User {
			continue
		}
		names = append(names, o.name)
		if p.Who(ctx, b, nil).Kind == whoami.User {
			continue
		}
		if b, err = again(); err != nil {
			return names, err
		}
	}
	return names, nil
}
