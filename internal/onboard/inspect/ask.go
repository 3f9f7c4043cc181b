package inspect

import (
	"context"
	"net/http"

	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/onboard/direct"
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
	h := make(http.Header)
	if at.accept != "" {
		h.Set("Accept", at.accept)
	}
	for name, values := range extra {
		h[name] = values
	}
	return in.portal(nil).Ask(ctx, b, at.uri, h)
}

// portal is the portal with these questions.
func (in *inspection) portal(questions []*whoami.Question) direct.Portal {
	return direct.Portal{URL: in.base.String(), Questions: questions}
}

// put asks one whole question, with the step before it where it has one.
func (in *inspection) put(ctx context.Context, b *browse.Browser, q *whoami.Question, extra http.Header) whoami.Verdict {
	return in.portal(nil).Put(ctx, b, q, extra)
}

// who is the answer of all questions for a browser's cookies, which change as a
// browser's would.
func (in *inspection) who(ctx context.Context, b *browse.Browser, extra http.Header) whoami.Verdict {
	return in.answer(ctx, b, in.questions, extra)
}

func (in *inspection) answer(ctx context.Context, b *browse.Browser, questions []*whoami.Question, extra http.Header) whoami.Verdict {
	return in.portal(questions).Who(ctx, b, extra)
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
