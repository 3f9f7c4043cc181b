package insert

import (
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/encoding/htmlindex"

	"github.com/secondgate/secondgate/internal/contentcoding"
)

// Fits reports whether pieces may be inserted into a response with status 200: it is HTML,
// complete and shown inline, in a charset that writes tags in ASCII, and in a coding that can be
// decompressed.
func Fits(h http.Header) bool {
	if len(h["Content-Type"]) != 1 || h.Get("Content-Range") != "" {
		return false
	}
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || kind != "text/html" || !readable(params["charset"]) {
		return false
	}
	if d := h.Get("Content-Disposition"); d != "" {
		if shown, _, err := mime.ParseMediaType(d); err != nil || shown != "inline" {
			return false
		}
	}
	_, err = contentcoding.Name(h["Content-Encoding"])
	return err == nil
}

// unlike are charsets in which a byte below 0x80 need not be the ASCII letter.
var unlike = []string{"utf-16be", "utf-16le", "iso-2022-jp", "replacement"}

func readable(charset string) bool {
	if charset == "" {
		return true
	}
	enc, err := htmlindex.Get(charset)
	if err != nil {
		return false
	}
	name, err := htmlindex.Name(enc)
	return err == nil && !slices.Contains(unlike, name)
}

// Shared reports whether a response says that it is the same for all users, so that caches may
// show it to strangers.
func Shared(h http.Header) bool {
	directives := strings.Split(strings.ToLower(strings.Join(h["Cache-Control"], ",")), ",")
	return slices.ContainsFunc(directives, func(d string) bool {
		name, _, _ := strings.Cut(strings.TrimSpace(d), "=")
		return name == "public" || name == "s-maxage"
	})
}

// Prepare changes the header of a request so that the portal answers with the whole page, plain
// or in gzip. Validators are removed, because a 304 would bring back a page from before it had
// its pieces. It reports whether the browser accepts gzip.
func Prepare(h http.Header) (gzip bool) {
	gzip = acceptsGzip(h["Accept-Encoding"])
	want := "identity"
	if gzip {
		want = "gzip"
	}
	h["Accept-Encoding"] = []string{want}
	delete(h, "If-None-Match")
	delete(h, "If-Modified-Since")
	return gzip
}

func acceptsGzip(values []string) bool {
	for offer := range strings.SplitSeq(strings.ToLower(strings.Join(values, ",")), ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(offer), ";")
		if name = strings.TrimSpace(name); name == "gzip" || name == "x-gzip" {
			return !refused.MatchString(weight)
		}
	}
	return false
}

var refused = regexp.MustCompile(`^\s*q\s*=\s*0(\.0*)?\s*$`)

// obsolete are the header fields about the response's bytes that an insertion makes wrong.
var obsolete = []string{"Content-Length", "Etag", "Last-Modified", "Accept-Ranges", "Content-Md5", "Digest", "Content-Digest", "Repr-Digest"}

// Change adapts the header of a response that fits to the page with its pieces. It returns how
// the body has to be read and written.
func Change(h http.Header, gzip bool) Coding {
	from, _ := contentcoding.Name(h["Content-Encoding"])
	c := Coding{From: from, Gzip: gzip && from != ""}
	for _, name := range obsolete {
		delete(h, name)
	}
	switch {
	case c.Gzip:
		h["Content-Encoding"] = []string{"gzip"}
	case from != "":
		delete(h, "Content-Encoding")
	}
	return c
}

var nonces = regexp.MustCompile(`'nonce-([A-Za-z0-9+/_-]+={0,2})'`)

// Nonce returns the script nonce that all policies of the response accept; empty if they have
// none or different ones.
func Nonce(h http.Header) string {
	nonce := ""
	for _, policy := range h["Content-Security-Policy"] {
		for part := range strings.SplitSeq(policy, ",") {
			found := nonces.FindStringSubmatch(scriptSources(part))
			if found == nil {
				continue
			}
			if nonce != "" && nonce != found[1] {
				return ""
			}
			nonce = found[1]
		}
	}
	return nonce
}

// scriptSources returns the sources that a policy allows for scripts (CSP 3, 6.8.4).
func scriptSources(policy string) string {
	said := make(map[string]string)
	for directive := range strings.SplitSeq(policy, ";") {
		name, sources, _ := strings.Cut(strings.TrimSpace(directive), " ")
		if name = strings.ToLower(name); said[name] == "" {
			said[name] = sources
		}
	}
	for _, name := range []string{"script-src-elem", "script-src", "default-src"} {
		if sources, ok := said[name]; ok {
			return sources
		}
	}
	return ""
}
