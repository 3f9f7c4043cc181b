package inspect

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/PuerkitoBio/goquery"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/route"
)

// cookieScript matches a script that reads or writes cookies.
var cookieScript = regexp.MustCompile(`document\s*\.\s*cookie|[Cc]ookies?\.(get|set|read)|getCookie|setCookie`)

// writes matches document.cookie = "name=…", and captures the name.
var writes = regexp.MustCompile(`document\s*\.\s*cookie\s*=\s*["'` + "`" + `]([A-Za-z0-9_.-]{2,60})=`)

// scripts puts cookies under `leave` that the portal's scripts need: set without HttpOnly,
// and named by a script that uses cookies. A cookie that signs in is never put there; a note
// names it instead. A further note names cookies that only scripts write.
func (in *inspection) scripts(ctx context.Context) error {
	in.say("reading the portal's scripts")
	b, err := in.alive(ctx)
	if err != nil {
		return err
	}
	var pages []*browse.Page
	for _, v := range append(slices.Clone(in.views), &view{page: in.entry.Login}) {
		if v.accept == "" {
			pages = append(pages, v.page)
		}
	}
	texts := browse.Scripts(pages, maxScripts, func(u *url.URL) (string, bool) {
		res, err := in.ask(ctx, b, place{uri: u.RequestURI()}, nil)
		return string(res.Body), err == nil
	})
	none := portal.NewCookiePolicy(nil)
	for _, c := range in.crumbs {
		if c.HTTPOnly || none.Class(c.Name) != portal.Sealed || slices.Contains(in.site.Leave, c.Name) || !named(texts, c.Name) {
			continue
		}
		if c.matters {
			in.note("", "Scripts of the portal read the cookie %s, which signs in. It is sealed all the same, so they will not find it.", c.Name)
			continue
		}
		in.leave(c.Cookie, "%s: set without HttpOnly and read by scripts; no answer changes without it.", c.Name)
	}
	var written []string
	for _, t := range texts {
		for _, m := range writes.FindAllStringSubmatch(t, -1) {
			if none.Class(m[1]) == portal.Sealed && !slices.Contains(written, m[1]) && !slices.Contains(in.site.Leave, m[1]) {
				written = append(written, m[1])
			}
		}
	}
	if len(written) > 0 {
		in.note("", "Scripts write the cookies %s. They reach the portal only if `leave` names them.", strings.Join(written, ", "))
	}
	return ctx.Err()
}

// named reports whether any of the scripts uses cookies and contains this name as a word.
func named(texts []string, name string) bool {
	word := regexp.MustCompile(`(^|[^A-Za-z0-9_-])` + regexp.QuoteMeta(name) + `($|[^A-Za-z0-9_-])`)
	return slices.ContainsFunc(texts, func(t string) bool { return cookieScript.MatchString(t) && word.MatchString(t) })
}

// maxAssets is the number of style sheets and scripts that publics compares. Those with an
// address that the gateway recognises (route.IsAsset) are not compared and don't count.
const maxAssets = 12

// publics puts style sheets and scripts under `public` that are the same for the customer
// and for anonymous visitors. It skips those that the gateway recognises by their address.
// It leaves images out, because the same address may serve private ones.
func (in *inspection) publics(ctx context.Context) error {
	in.say("comparing style sheets and scripts")
	b, err := in.alive(ctx)
	if err != nil {
		return err
	}
	same := make(map[string]bool)
	known, tried := 0, 0
	for _, u := range in.assets() {
		if route.IsAsset(http.MethodGet, u, false) {
			known++
			continue
		}
		if tried++; tried > maxAssets || u.RawPath != "" || strings.ContainsAny(u.Path, "*{}\"") {
			continue
		}
		equal := in.equal(ctx, b, u)
		if before, seen := same[u.Path]; !seen || before {
			same[u.Path] = equal
		}
	}
	for _, p := range slices.Sorted(maps.Keys(same)) {
		if same[p] {
			in.propose("The style sheet or script "+p, func(site *config.Site) { site.Public = append(slices.Clone(site.Public), matchPath(p)) })
		}
	}
	if len(in.site.Public) > 0 {
		in.note("public", "Style sheets and scripts that are the same for the customer and for strangers.")
	}
	if known > 0 {
		in.note("", "%d style sheets and scripts were seen that the gateway recognises as public by their addresses.", known)
	}
	return ctx.Err()
}

// assets returns the addresses of the style sheets and scripts that the crawled pages load
// from the portal's own host, each once.
func (in *inspection) assets() (list []*url.URL) {
	seen := make(map[string]bool)
	for _, v := range in.views {
		if v.accept != "" {
			continue
		}
		v.page.Doc().Find(`link[rel~="stylesheet"][href],script[src]`).Each(func(_ int, s *goquery.Selection) {
			u, err := v.page.Resolve(s.AttrOr("href", s.AttrOr("src", "")))
			if err == nil && u.Host == in.base.Host && !seen[u.RequestURI()] {
				seen[u.RequestURI()] = true
				list = append(list, u)
			}
		})
	}
	return list
}

// equal reports whether an address serves the same style sheet or script to the customer and
// to strangers.
func (in *inspection) equal(ctx context.Context, b *browse.Browser, u *url.URL) bool {
	at := place{uri: u.RequestURI()}
	mine, err := in.ask(ctx, b, at, nil)
	if err != nil || mine.Status != http.StatusOK || !styleOrScript(mine.Header) {
		return false
	}
	theirs, err := in.ask(ctx, in.browser(), at, nil)
	return err == nil && theirs.Status == http.StatusOK && styleOrScript(theirs.Header) && bytes.Equal(mine.Body, theirs.Body)
}

func styleOrScript(h http.Header) bool {
	kind := strings.ToLower(h.Get("Content-Type"))
	return route.IsAssetType(kind) && (strings.Contains(kind, "css") || strings.Contains(kind, "javascript"))
}

// matchPath returns a Caddy matcher set that matches one path.
func matchPath(p string) config.MatcherSet {
	return config.MatcherSet{"path": fmt.Appendf(nil, "[%q]", p)}
}
