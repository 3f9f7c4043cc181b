package inspect

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/PuerkitoBio/goquery"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal/route"
)

// maxAssets is how many style sheets and scripts with unusual addresses are compared.
const maxAssets = 12

// publics finds style sheets and scripts that the gateway would not take for such by
// their address, and that are the same for the customer and for strangers. Images are
// left alone: what serves one from the same address may serve private ones too.
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
		in.note("", "%d style sheets and scripts were seen whose address says what they are; those are public by themselves.", known)
	}
	return ctx.Err()
}

// assets are the style sheets and scripts of the pages, of the portal's own host.
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

// equal reports whether an address gives the same style sheet or script to everybody.
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
