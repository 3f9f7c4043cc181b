// Package direct asks a portal, without the gateway in front of it, which user is signed
// in, and measures three properties of its sessions that the gateway has to handle:
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

// Portal is a portal and the questions to it.
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

// Response converts a page, which is decompressed already, for package whoami.
func Response(p *browse.Page) whoami.Response {
	h := p.Header.Clone()
	h.Del("Content-Encoding")
	return whoami.Response{Status: p.Status, Header: h, Body: p.Body, Truncated: len(p.Body) > portal.MaxBody}
}

// Put asks one question, with the step before it if it has one. extra replaces headers of
// the question.
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

// Who asks all questions with a browser's cookies, which the responses may change.
func (p Portal) Who(ctx context.Context, b *browse.Browser, extra http.Header) whoami.Verdict {
	var all []whoami.Verdict
	for _, q := range p.Questions {
		all = append(all, p.Put(ctx, b, q, extra))
	}
	return whoami.Agree(all)
}

// Uncovered returns the cookies that no question carries, because all cookies of that name
// are for other paths than the questions' (design rule Q2).
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

// moments are when a sign-in is looked for, after the end of its response.
var moments = []time.Duration{
	0, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 1500 * time.Millisecond, 2 * time.Second, 3 * time.Second,
}

// Commit returns how long after the response of a sign-in the portal committed it, and the
// last verdict. b must just have received that response. The duration is 0 if whoami names
// a user at once. Commit waits only while whoami answers that no user is signed in.
func (p Portal) Commit(ctx context.Context, b *browse.Browser) (time.Duration, whoami.Verdict) {
	var v whoami.Verdict
	after, _ := When(ctx, func() bool {
		v = p.Who(ctx, b, nil)
		return v.Kind != whoami.Anonymous
	})
	return after, v
}

// When calls seen at once and then at growing intervals, for 3 seconds at most, until it
// returns true. It returns the moment of that call; ok is false if none returned true.
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

// others are headers that portals are known to bind sessions to, with values that package
// browse does not send.
var others = []struct{ name, value string }{
	{"User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"},
	{"Accept-Language", "fi-FI,fi;q=0.8"},
	{"Accept-Encoding", "deflate"},
	{"Accept-Charset", "iso-8859-15"},
	{"Referer", "/another-page"}, // below the portal's URL
	{"Sec-Ch-Ua", `"Chromium";v="141", "Not?A_Brand";v="8"`},
}

// Bound returns the headers to which the portal binds the session of b: with another value
// it does not know the user. Where that ends the session, again has to return a browser
// that is signed in anew.
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
