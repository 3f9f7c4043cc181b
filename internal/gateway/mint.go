package gateway

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/session"
)

// wantsVisit reports whether the response starts a visit: the first navigation does,
// and whatever sets a cookie of the portal. A cross-site request never does, for
// there may be a visit that the browser did not send with it.
func (x *exchange) wantsVisit() bool {
	if x.browser || x.rw.bare {
		return false
	}
	sets := false
	for _, c := range x.changes {
		sets = sets || c.Class == portal.Sealed && !c.Delete
	}
	return (sets || x.navigation()) && !x.crossSite()
}

// writer writes for the browser's visit, under a fresh token when it is minted now.
func (x *exchange) writer(mint bool) *portal.Writer {
	if mint {
		x.minted = session.NewToken()
		x.keys = x.g.Sealer.Keys(x.site, string(x.minted))
		x.sent = portal.EmptyJar
	}
	return &portal.Writer{Keys: x.visitKeys(), Names: x.names, Now: x.now, MaxLife: session.MaxCookieLife}
}

func (x *exchange) token() session.Token {
	if x.minted != "" {
		return x.minted
	}
	return x.visit.token
}

// navigation reports whether a person's browser shows the response as a page.
func (x *exchange) navigation() bool {
	h := x.r.Header
	if mode := first(h, "Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	if x.upgrade || first(h, "X-Requested-With") != "" {
		return false
	}
	return strings.Contains(first(h, "Accept"), "text/html")
}

// first is Header.Get for a name that is written canonically.
func first(h http.Header, canonical string) string {
	if values := h[canonical]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// crossSite reports whether another site caused the request. Following a link from
// there is as good as typing the address: browsers send SameSite=None and absent
// cookies with it.
func (x *exchange) crossSite() bool {
	h := x.r.Header
	switch site := h.Get("Sec-Fetch-Site"); site {
	case "":
		return foreignOrigin(h.Get("Origin"), x.r.Host)
	case "cross-site", "same-site":
		top := h.Get("Sec-Fetch-Mode") == "navigate" && h.Get("Sec-Fetch-Dest") == "document"
		return !(top && x.r.Method == http.MethodGet)
	}
	return false
}

func foreignOrigin(origin, host string) bool {
	if origin == "" {
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || !strings.EqualFold(u.Host, host)
}
