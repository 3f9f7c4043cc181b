package guard

import (
	"bytes"
	"net/http"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/userpages/cookiestate"
	"github.com/secondgate/secondgate/templates"
)

// pagePolicy is the Content-Security-Policy of the pages. It allows styles, scripts, images
// and forms of this origin, and nothing else: no inline code or style, and no framing.
const pagePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// assetPolicy is the Content-Security-Policy of assets. It keeps an SVG logo that is opened
// as a page from running scripts.
const assetPolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

// Protect sets the headers that every own response has (ASVS 3.4).
func Protect(h http.Header) {
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	// Not no-referrer: with it, browsers send "Origin: null" with our own forms, and
	// SameOrigin would refuse them.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=(), display-capture=()")
	h.Set("Cache-Control", "no-store")
}

// Redirect answers 303. target is a path and is sent unchanged; http.Redirect would resolve
// dots in it.
func Redirect(w http.ResponseWriter, target string) {
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusSeeOther)
}

// Send answers with a body.
func Send(w http.ResponseWriter, r *http.Request, status int, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write(body) //nolint:errcheck // the browser has gone
	}
}

// Render answers with a page.
func Render(w http.ResponseWriter, r *http.Request, log *zap.Logger, set *templates.Set, status int, f templates.Frame, page templates.Page) {
	body, err := set.Render(f, page)
	if err != nil {
		log.Error("rendering a page failed", zap.Error(err))
		http.Error(w, "503 Service Unavailable", http.StatusServiceUnavailable)
		return
	}
	Send(w, r, status, "text/html; charset=utf-8", body)
}

// ServeAsset serves a file of the set, and reports whether there is one of that name. A
// name with the hash of the content is cached for ever.
func ServeAsset(w http.ResponseWriter, r *http.Request, set *templates.Set, name string) bool {
	asset, ok := set.Asset(name)
	if !ok {
		return false
	}
	h := w.Header()
	h.Set("Content-Security-Policy", assetPolicy)
	h.Set("Content-Type", asset.Type)
	h.Set("Cache-Control", "no-cache")
	if asset.Lasting {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("ETag", asset.ETag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(asset.Content))
	return true
}

// languageCookie is the cookie with the chosen language. It is no secret and is not sealed.
const languageCookie = "lang"

const languageLife = 365 * 24 * time.Hour

// Language returns the language for a page: that of ?lang=, which a GET also stores in the
// cookie, or else that of the cookie, or else the best one for Accept-Language.
func Language(w http.ResponseWriter, r *http.Request, set *templates.Set, secure bool) string {
	name := cookiestate.CookieName(languageCookie, secure)
	if chosen := r.URL.Query().Get("lang"); chosen != "" && set.Has(chosen) {
		if r.Method == http.MethodGet {
			cookiestate.SetCookie(w, name, chosen, languageLife, secure)
		}
		return chosen
	}
	remembered := ""
	if cookie, err := r.Cookie(name); err == nil {
		remembered = cookie.Value
	}
	return set.Match(remembered, r.Header.Get("Accept-Language"))
}
