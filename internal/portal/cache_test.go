package portal

import (
	"net/http"
	"strings"
	"testing"
)

// TestK1_Unshareable: after Unshareable no field allows a shared cache to keep the
// response, and what forbade it before still does.
func TestK1_Unshareable(t *testing.T) {
	for _, tt := range []struct {
		name  string
		sent  http.Header
		wants string
	}{
		{"nothing", http.Header{"Last-Modified": {"Thu, 01 Jan 2026 00:00:00 GMT"}}, "private, no-cache"},
		{"public", http.Header{"Cache-Control": {"public, max-age=31536000, immutable"}}, "private, no-cache"},
		{"s-maxage", http.Header{"Cache-Control": {"S-MaxAge=60", "must-revalidate, stale-while-revalidate=60"}}, "private, no-cache"},
		{"no-store stays", http.Header{"Cache-Control": {"public, No-Store , must-revalidate"}}, "private, no-cache, no-store"},
		{"no-store in the second line", http.Header{"Cache-Control": {"max-age=0", "no-store"}}, "private, no-cache, no-store"},
		{"no-transform stays", http.Header{"Cache-Control": {"public,no-transform"}}, "private, no-cache, no-transform"},
		{"qualified", http.Header{"Cache-Control": {`private="Set-Cookie", no-cache="Set-Cookie", max-age=60`}}, "private, no-cache"},
		{"odd case", http.Header{"cache-control": {"no-store"}}, "private, no-cache, no-store"},
		{"other permissions", http.Header{
			"Expires": {"Thu, 01 Jan 2099 00:00:00 GMT"}, "Pragma": {"public"}, "Surrogate-Control": {"max-age=60"}, "Edge-Control": {"max-age=60"},
			"X-Accel-Expires": {"60"}, "Cdn-Cache-Control": {"public"}, "Cloudflare-Cdn-Cache-Control": {"public"},
			"Vercel-Cdn-Cache-Control": {"public"}, "X-Litespeed-Cache-Control": {"public,max-age=60"}, "cdn-cache-control": {"public"},
		}, "private, no-cache"},
	} {
		h := tt.sent.Clone()
		h.Set("Content-Type", "text/css")
		h.Set("Etag", `"1"`)
		Unshareable(h)
		if got := strings.Join(h["Cache-Control"], "|"); got != tt.wants {
			t.Errorf("%s: Cache-Control is %q, want %q", tt.name, got, tt.wants)
		}
		for name := range h {
			switch name {
			case "Cache-Control", "Content-Type", "Etag", "Last-Modified":
			default:
				t.Errorf("%s: %s is left", tt.name, name)
			}
		}
		if h.Get("Content-Type") == "" || h.Get("Etag") == "" {
			t.Errorf("%s: took out what is no permission: %v", tt.name, h)
		}
	}
}
