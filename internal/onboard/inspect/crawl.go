package inspect

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal"
)

// view is a page as the first customer sees it.
type view struct {
	place
	page *browse.Page
}

// usual are paths at which portals name the signed-in user.
var usual = []string{
	"me", "api/me", "api/user", "api/users/me", "api/v1/me", "api/v1/user", "api/v1/users/me", "api/session", "api/account", "api/whoami", "whoami", "userinfo", "session",
	"profile", "account", "settings", "user", "users/me", "my-account", "my", "user/profile", "users/edit", "account/settings", "account/profile", "account/details",
	"settings/profile", "preferences", "customer", "customer/account", "member", "dashboard", "profile.php", "account.php",
}

// stop is a page in the crawl's queue. A guess is an address that no page linked. It is
// requested with a copy of the cookies, because an error page or another application on the
// same host may set cookies.
type stop struct {
	place
	guess bool
}

// queue holds the pages that the crawl has still to visit. seen has every address that was
// ever queued.
type queue struct {
	in   *inspection
	next []stop
	seen map[string]bool
}

// crawl visits pages as the first customer and collects them in in.views: the page that the
// sign-in led to, the address given, their links, the usual paths, and the links of personal
// pages. A redirect's target is queued as a page of its own, because whoami follows no
// redirects.
func (in *inspection) crawl(ctx context.Context) error {
	in.say("looking at pages that may name the user")
	ctx, cancel := context.WithTimeout(ctx, crawlTimeout)
	defer cancel()
	q := &queue{in: in, seen: make(map[string]bool)}
	for _, p := range in.Pages {
		q.add(p, stop{})
	}
	q.page(in.entry.Page)
	q.add(strings.TrimPrefix(in.URL, in.base.String()), stop{})
	for _, p := range usual {
		guess := stop{guess: true}
		if strings.HasPrefix(p, "api/") {
			guess.accept = "application/json"
		}
		q.add("/"+p, guess)
		q.add(strings.TrimPrefix(in.below(p), in.base.String()), guess)
	}
	skipped := 0
	for asked := 0; len(q.next) > 0 && asked < 2*maxPages && len(in.views) < maxPages && ctx.Err() == nil; asked++ {
		at := q.next[0]
		q.next = q.next[1:]
		if !q.visit(ctx, at) {
			skipped++
		}
	}
	for _, v := range in.views {
		in.say("%s", v.uri)
	}
	in.say("looked at %d pages", len(in.views))
	if len(q.next) > 0 {
		in.missing("%d more pages were linked and not looked at; --page names one that should be.", len(q.next))
	}
	if skipped > 0 {
		in.note("", "%d pages could not be read (too large, without an end, or no answer) and were passed over.", skipped)
	}
	return nil
}

// add queues a path with its query, unless it was queued before. Addresses with a word from
// personal go before all others, because the crawl stops at maxPages.
func (q *queue) add(uri string, at stop) {
	if uri == "" {
		uri = "/"
	}
	if !strings.HasPrefix(uri, "/") || strings.HasPrefix(uri, "//") || strings.ContainsAny(uri, "{}\"\\`|<> ") || q.seen[uri] {
		return
	}
	q.seen[uri] = true
	at.uri = uri
	i := -1
	if hasAny(words(uri), personal) {
		i = slices.IndexFunc(q.next, func(s stop) bool { return !hasAny(words(s.uri), personal) })
	}
	if i < 0 {
		i = len(q.next)
	}
	q.next = slices.Insert(q.next, i, at)
}

// page queues the page itself and its links.
func (q *queue) page(p *browse.Page) {
	q.link(p.URL, "")
	for _, l := range p.Links() {
		q.link(l.URL, l.Text+" "+l.Title)
	}
}

func (q *queue) link(u *url.URL, text string) {
	if u.Host == q.in.base.Host && u.Scheme == q.in.base.Scheme && harmless(u, text) {
		q.add(u.RequestURI(), stop{})
	}
}

// visit requests a place, and appends the response to in.views if it is an HTML page or
// JSON. It queues the links of the first page, of personal pages and of the address given. It
// returns false if the response could not be read to its end or is too large.
func (q *queue) visit(ctx context.Context, at stop) bool {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	h := browse.Navigation()
	if at.accept != "" {
		h.Set("Accept", at.accept)
	}
	b := q.in.first
	if at.guess {
		b = b.Clone()
	}
	p, err := b.Once(ctx, http.MethodGet, q.in.base.String()+at.uri, h, nil)
	if err != nil || len(p.Body) > portal.MaxBody {
		return false
	}
	if to := p.Header.Get("Location"); to != "" && p.Status/100 == 3 {
		if u, err := p.URL.Parse(to); err == nil {
			q.link(u, "")
		}
	}
	if p.Status/100 != 2 {
		return true
	}
	if isJSON(p.Header) {
		at.accept = "application/json"
	} else if at.accept != "" || !p.HTML() {
		return true
	}
	q.in.views = append(q.in.views, &view{at.place, p})
	if len(q.in.views) == 1 || hasAny(words(at.uri), personal) || at.uri == q.in.given.RequestURI() {
		q.page(p)
	}
	return true
}

func isJSON(h http.Header) bool {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	return kind == "application/json" || strings.HasSuffix(kind, "+json")
}
