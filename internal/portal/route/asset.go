package route

import (
	"net/http"
	"net/url"
	"strings"
)

// assets are the extensions of styles, scripts, images and fonts. Documents, and files that
// servers execute, are not included.
var assets = map[string]bool{
	"css": true, "js": true, "mjs": true, "wasm": true, "webmanifest": true,
	"png": true, "jpg": true, "jpeg": true, "gif": true, "webp": true, "avif": true, "svg": true, "ico": true, "bmp": true, "apng": true,
	"woff": true, "woff2": true, "ttf": true, "otf": true, "eot": true,
}

// versions are the query parameters by which pages tell versions of an asset apart.
var versions = map[string]bool{
	"v": true, "ver": true, "version": true, "rev": true, "_": true, "h": true, "hash": true, "cb": true, "ts": true, "build": true,
}

// maxVersion bounds a version in bytes; a SHA-1 in hexadecimal has 40.
const maxVersion = 40

// IsAsset reports whether a request may be for a public asset: GET or HEAD without a body for a
// path that every server reads the same, with an asset's extension on its last segment, no
// script before it, and no query but a version. A wrong result exposes nothing, because such
// requests are forwarded without credentials and the response must have an asset's type.
func IsAsset(method string, u *url.URL, hasBody bool) bool {
	if hasBody || method != http.MethodGet && method != http.MethodHead || u.RawPath != "" {
		return false
	}
	dot := strings.LastIndexByte(u.Path, '.')
	return dot >= 0 && assets[strings.ToLower(u.Path[dot+1:])] && assetPath(u.Path) && isVersion(u.RawQuery)
}

// assetPath reports whether all servers read the path the same: nothing encoded but
// blanks, no parameters, no dot or empty segments, no script with path info.
func assetPath(p string) bool {
	for i := range len(p) {
		switch c := p[i]; {
		case c == '/' && (strings.HasPrefix(p[i+1:], "/") || strings.HasPrefix(p[i+1:], ".")):
			return false
		case plainByte[c], c == '/', c == ' ', 'A' <= c && c <= 'Z':
		default:
			return false
		}
	}
	return len(CutPathInfo(p)) == len(p)
}

// isVersion reports whether a query is empty, like `ver=6.1` or `v=2&ver=3`, or a bare version
// like `4f2a91c`. A bare version needs a digit, to distinguish it from a command.
func isVersion(query string) bool {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		key, value, keyed := strings.Cut(pair, "=")
		if keyed && !versions[key] {
			return false
		}
		if !keyed {
			value = pair
		}
		if !versionValue(value) || !keyed && !strings.ContainsAny(value, "0123456789") {
			return false
		}
	}
	return true
}

// versionValue reports whether v could be a version. Versions of packages have a plus, as in
// 5.2.1deb1+deb12u1, encoded or not. No parser reads it as a separator.
func versionValue(v string) bool {
	if len(v) > maxVersion {
		return false
	}
	for i := range len(v) {
		switch c := v[i]; {
		case c == '%' && strings.EqualFold(v[i:min(i+3, len(v))], "%2b"):
		case c == '-', c == '.', c == '_', c == '+', c == '~', '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		default:
			return false
		}
	}
	return true
}

// IsAssetType reports whether a Content-Type is that of an asset.
func IsAssetType(contentType string) bool {
	t, _, _ := strings.Cut(contentType, ";")
	t = strings.ToLower(strings.TrimSpace(t))
	switch t {
	case "text/css", "text/javascript", "application/javascript", "application/x-javascript", "application/ecmascript",
		"application/wasm", "application/manifest+json", "application/vnd.ms-fontobject":
		return true
	}
	for _, kind := range [...]string{"image/", "font/", "application/font-", "application/x-font-"} {
		if len(t) > len(kind) && strings.HasPrefix(t, kind) {
			return true
		}
	}
	return false
}
