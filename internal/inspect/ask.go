package inspect

import (
	"context"
	"net/http"

	"github.com/secondgate/secondgate/internal/browse"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// place is somewhere to ask: a path with its query, and the type that is asked for.
type place struct {
	uri    string
	accept string
}

// ask sends one question as the gateway does: no redirects, no Accept but one that
// whoami sets itself.
func (in *inspection) ask(ctx context.Context, b *browse.Browser, at place, extra http.Header) (whoami.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	h := browse.Navigation()
	h.Del("Accept")
	h.Set("Accept-Encoding", "identity")
	h.Set("Cache-Control", "no-cache")
	if at.accept != "" {
		h.Set("Accept", at.accept)
	}
	for name, values := range extra {
		h[name] = values
	}
	p, err := b.Once(ctx, http.MethodGet, in.base.String()+at.uri, h, nil)
	if err != nil {
		return whoami.Response{}, err
	}
	return response(p), nil
}

// response is a page as whoami takes it; compression was undone already.
func response(p *browse.Page) whoami.Response {
	h := p.Header.Clone()
	h.Del("Content-Encoding")
	return whoami.Response{Status: p.Status, Header: h, Body: p.Body, Truncated: len(p.Body) > portal.MaxBody}
}

// put asks one whole question, with the step before it where it has one.
func (in *inspection) put(ctx context.Context, b *browse.Browser, q *whoami.Question, extra http.Header) whoami.Verdict {
	token := ""
	if uri, ok := q.First(); ok {
		res, err := in.ask(ctx, b, place{uri: uri}, extra)
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
	res, err := in.ask(ctx, b, place{uri: q.URI()}, header)
	if err != nil {
		return whoami.Verdict{Why: err.Error()}
	}
	return q.Judge(res)
}

// who is the answer of all questions for a browser's cookies, which change as a
// browser's would.
func (in *inspection) who(ctx context.Context, b *browse.Browser, extra http.Header) whoami.Verdict {
	return in.answer(ctx, b, in.questions, extra)
}

func (in *inspection) answer(ctx context.Context, b *browse.Browser, questions []*whoami.Question, extra http.Header) whoami.Verdict {
	var all []whoami.Verdict
	for _, q := range questions {
		all = append(all, in.put(ctx, b, q, extra))
	}
	return whoami.Agree(all)
}

// snapshot is what some places answered in one browser.
type snapshot map[place]whoami.Response

// snap asks places, each once; one that can't be reached is missing.
func (in *inspection) snap(ctx context.Context, b *browse.Browser, places []place) snapshot {
	s := make(snapshot)
	for _, at := range places {
		if res, err := in.ask(ctx, b, at, nil); err == nil {
			s[at] = res
		}
	}
	return s
}
