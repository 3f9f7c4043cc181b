package gateway

import (
	"net/http"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/portal/route"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// In an unsettled visit every response is checked. For the page after a form this includes its
// styles, scripts and images: some twenty questions. So such an asset is fetched without
// credentials first. If the portal gives it to everybody, no question is needed. Otherwise the
// request is handled as usual, with credentials.

// serveAnonymously answers with an asset that everybody gets. It reports whether it did. decide
// calls it before the portal is asked.
func (x *exchange) serveAnonymously() bool {
	if !x.wantsAnonymously() {
		return false
	}
	r := x.facts.R
	header := r.Header.Clone()
	for name := range header {
		if x.g.Headers.Credential(name) {
			delete(header, name)
		}
	}
	setCookie(header, x.jar.Strangers().View(x.path).Header)
	url := *r.URL
	route.StripSessionIDs(&url, x.g.site.DeclaredQuery)
	res, err := x.g.Fetch(r.Context(), x.next, r, url.RequestURI(), header)
	if err != nil || !everybodys(res) {
		return false
	}
	x.reached = true
	h := x.rw.Header()
	for name, values := range res.Header {
		h[name] = values
	}
	x.rw.WriteHeader(res.Status)
	_, _ = x.rw.Write(res.Body) // a client that went away is no failure
	return true
}

// wantsAnonymously reports whether the request is for an asset that would cost questions, and has
// no credential that remains when its cookies and headers are removed.
func (x *exchange) wantsAnonymously() bool {
	f := &x.facts
	if !f.Asset || f.Stream || f.R.Method != http.MethodGet || len(f.R.Header["Range"]) > 0 {
		return false
	}
	if f.Client.Identity != "" || f.Queried != "" || f.Pins.Placeholders != "" {
		return false
	}
	return x.visit != nil && (x.live() || x.mayPass()) && x.unsettled()
}

// everybodys reports whether a response is an asset that the portal sends to all clients alike. The
// sign is that its headers permit shared caches to keep it.
func everybodys(res whoami.Response) bool {
	h := res.Header
	switch {
	case res.Truncated || len(h["Set-Cookie"]) > 0 || names(h["Vary"], "cookie", "authorization", "*"):
		return false
	case names(h["Cache-Control"], "private", "no-store", "no-cache"):
		return false
	}
	return res.Status == http.StatusNotModified || res.Status == http.StatusOK && route.IsAssetType(h.Get("Content-Type"))
}

// names reports whether a list in a header has one of the words.
func names(lines []string, words ...string) bool {
	for item := range strings.SplitSeq(strings.ToLower(strings.Join(lines, ",")), ",") {
		word, _, _ := strings.Cut(strings.TrimSpace(item), "=")
		if slices.Contains(words, word) {
			return true
		}
	}
	return false
}
