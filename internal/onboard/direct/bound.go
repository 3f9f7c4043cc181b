package direct

import (
	"context"
	"net/http"

	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// others are headers that portals are known to bind sessions to, with values that the
// browser of package browse does not send.
var others = []struct{ name, value string }{
	{"User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"},
	{"Accept-Language", "fi-FI,fi;q=0.8"},
	{"Accept-Encoding", "deflate"},
	{"Accept-Charset", "iso-8859-15"},
	{"Referer", ""}, // a page of the portal's own, see Bound
	{"Sec-Ch-Ua", `"Chromium";v="141", "Not?A_Brand";v="8"`},
}

// Other returns another value of one of the headers of Bound.
func (p Portal) Other(name string) http.Header {
	for _, o := range others {
		if o.name == name && o.value != "" {
			return http.Header{name: {o.value}}
		}
	}
	return http.Header{name: {p.URL + "/another-page"}}
}

// Bound returns the headers without whose first value the portal does not know the
// signed-in user of b any more. Where another value ends the session, again has to return
// a browser that is signed in anew.
func (p Portal) Bound(ctx context.Context, b *browse.Browser, again func() (*browse.Browser, error)) (names []string, err error) {
	for _, o := range others {
		if p.Who(ctx, b, p.Other(o.name)).Kind == whoami.User {
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
