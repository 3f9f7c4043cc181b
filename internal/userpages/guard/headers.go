package guard

import "net/http"

// pagePolicy allows what the pages load from here, and nothing else: no inline code
// or style, no frames around them, no forms to elsewhere.
const pagePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// assetPolicy is for assets opened by themselves: a logo in SVG runs no script.
const assetPolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

// Protect sets the headers that every own response has (ASVS 3.4).
func Protect(h http.Header) {
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	// Not no-referrer: with that browsers send "Origin: null" with our own forms.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=(), display-capture=()")
	h.Set("Cache-Control", "no-store")
}
