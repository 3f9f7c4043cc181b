package insert

import (
	"net/http"
	"testing"
)

func TestFits(t *testing.T) {
	for _, test := range []struct {
		fits   bool
		header http.Header
	}{
		{true, http.Header{"Content-Type": {"text/html"}}},
		{true, http.Header{"Content-Type": {"Text/HTML; Charset=ISO-8859-1"}}},
		{true, http.Header{"Content-Type": {"text/html; charset=shift_jis"}}},
		{true, http.Header{"Content-Type": {"text/html"}, "Content-Disposition": {"inline"}, "Content-Encoding": {"Identity"}}},
		{false, http.Header{}},
		{false, http.Header{"Content-Type": {"text/html", "text/plain"}}},
		{false, http.Header{"Content-Type": {"text/html;;"}}},
		{false, http.Header{"Content-Type": {"application/xhtml+xml"}}},
		{false, http.Header{"Content-Type": {"text/html; charset=utf-16"}}},
		{false, http.Header{"Content-Type": {"text/html; charset=iso-2022-jp"}}},
		{false, http.Header{"Content-Type": {"text/html; charset=utf-7"}}},
		{false, http.Header{"Content-Type": {"text/html"}, "Content-Disposition": {"attachment"}}},
		{false, http.Header{"Content-Type": {"text/html"}, "Content-Disposition": {";"}}},
		{false, http.Header{"Content-Type": {"text/html"}, "Content-Encoding": {"compress"}}},
		{false, http.Header{"Content-Type": {"text/html"}, "Content-Encoding": {"gzip", "gzip"}}},
		{false, http.Header{"Content-Type": {"text/html"}, "Content-Range": {"bytes 0-1/2"}}},
	} {
		if got := Fits(test.header); got != test.fits {
			t.Errorf("%v: %v", test.header, got)
		}
	}
}

func TestShared(t *testing.T) {
	for value, want := range map[string]bool{
		"": false, "private, max-age=60": false, "no-cache": false, "max-age=60, Public": true, "s-maxage=5": true, "x-public": false,
	} {
		if got := Shared(http.Header{"Cache-Control": {value}}); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
}

func TestPrepare(t *testing.T) {
	for value, want := range map[string]bool{
		"": false, "gzip": true, "br, GZIP;q=0.5": true, "gzip;q=0": false, "x-gzip": true, "gzip; q=0.000, br": false, "*": false, "gzipped": false,
	} {
		h := http.Header{"Accept-Encoding": {value}, "If-None-Match": {"*"}, "If-Modified-Since": {"x"}, "If-Match": {"y"}}
		got := Prepare(h)
		asks := map[bool]string{true: "gzip", false: "identity"}[want]
		if got != want || h.Get("Accept-Encoding") != asks || len(h) != 2 {
			t.Errorf("%q: %v %v", value, got, h)
		}
	}
}

func TestChange(t *testing.T) {
	for _, test := range []struct {
		encoding string
		gzip     bool
		want     Coding
		sent     string
	}{
		{"", true, Coding{}, ""}, {"identity", true, Coding{}, "identity"}, {"X-Gzip", true, Coding{"gzip", true}, "gzip"},
		{"gzip", false, Coding{From: "gzip"}, ""}, {"deflate", true, Coding{"deflate", true}, "gzip"}, {"zstd", false, Coding{From: "zstd"}, ""},
	} {
		h := http.Header{"Content-Encoding": {test.encoding}, "Etag": {"x"}, "Content-Length": {"1"}, "Repr-Digest": {"y"}, "X-Other": {"z"}}
		got := Change(h, test.gzip)
		if got != test.want || h.Get("Content-Encoding") != test.sent || h.Get("Etag")+h.Get("Content-Length")+h.Get("Repr-Digest") != "" || h.Get("X-Other") != "z" {
			t.Errorf("%+v: %+v %v", test, got, h)
		}
	}
}

func TestNonce(t *testing.T) {
	for _, test := range []struct {
		want     string
		policies []string
	}{
		{"", nil},
		{"", []string{"script-src 'self'"}},
		{"abc+/_-=", []string{"default-src 'self'; script-src 'strict-dynamic' 'nonce-abc+/_-='"}},
		{"abc", []string{"default-src 'nonce-abc'"}},
		{"abc", []string{"script-src 'nonce-no'; Script-Src-Elem 'nonce-abc'"}},
		{"abc", []string{"img-src 'self'", "script-src 'nonce-abc'"}},
		{"", []string{"style-src 'nonce-abc'"}},
		{"", []string{"script-src 'nonce-abc'", "script-src 'nonce-def'"}},
		{"", []string{"script-src 'nonce-abc', script-src 'nonce-def'"}},
		{"", []string{`script-src 'nonce-a"b'`}},
	} {
		if got := Nonce(http.Header{"Content-Security-Policy": test.policies}); got != test.want {
			t.Errorf("%q: %q; want %q", test.policies, got, test.want)
		}
	}
}
