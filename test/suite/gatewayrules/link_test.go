package gatewayrules

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

const (
	linked  = `<a href="/two-factor/" class="secondgate-link">2FA</a>`
	menu    = `<!doctype html><title>Shop</title><nav><ul><li>Home</ul></nav><p>`
	menued  = `<!doctype html><title>Shop</title><nav><ul><li>Home</li><li>` + linked + `</li></ul></nav><p>`
	aLink   = harness.LegacyLines + "\nlink \"nav ul\" 2FA\n"
	noLinks = "secondgate-link"
)

// pages is a portal with a page for every path below /p/, besides the pages of the legacy portal.
func pages(answer func(w http.ResponseWriter, r *http.Request)) *harness.Legacy {
	return &harness.Legacy{Before: func(_ *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/p/") {
			return false
		}
		answer(w, r)
		return true
	}}
}

func html(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/html; charset=utf-8") }

// signedIn returns a browser in which alice, who has no second factor, is signed in.
func signedIn(t *testing.T, h *harness.Harness) *harness.Browser {
	t.Helper()
	b := h.Browser()
	if p := b.SignIn("alice"); p.Status != http.StatusFound {
		t.Fatalf("sign-in: %d", p.Status)
	}
	return b
}

// TestLink_WhoSeesIt: only signed-in users see the link.
func TestLink_WhoSeesIt(t *testing.T) {
	h := harness.Start(t, pages(func(w http.ResponseWriter, _ *http.Request) {
		html(w)
		fmt.Fprint(w, menu)
	}), aLink)
	b := h.Browser()
	expect := func(what, want string) {
		t.Helper()
		if p := b.Get("/p/"); p.Status != http.StatusOK || p.Body != want {
			t.Errorf("%s: %d %s", what, p.Status, p.Body)
		}
	}
	expect("a stranger", menu)
	b.SignIn("alice")
	expect("a user without second factor", menued)
	device := b.Enrol()
	expect("a user who set one up", menued)
	b.Get("/logout")
	expect("signed out", menu)
	b.SignIn("alice")
	if p := b.Get("/p/"); p.Status != http.StatusSeeOther || strings.Contains(p.Body, "Shop") {
		t.Errorf("owing a code: %d %s", p.Status, p.Body)
	}
	b.Pass(device.Code(t))
	expect("after the code", menued)
	if p := b.Get("/two-factor/"); p.Status != http.StatusOK || strings.Contains(p.Body, noLinks) {
		t.Errorf("the own page: %d %s", p.Status, p.Body)
	}
}

// TestLink_AfterSigningOut: a page that signs its reader out is a stranger's.
func TestLink_AfterSigningOut(t *testing.T) {
	legacy := &harness.Legacy{}
	legacy.Before = func(_ *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/p/bye" {
			return false
		}
		out := r.Clone(r.Context())
		out.URL.Path = "/logout"
		legacy.ServeHTTP(httptest.NewRecorder(), out)
		html(w)
		http.SetCookie(w, &http.Cookie{Name: "bye", Value: "1", Path: "/"})
		fmt.Fprint(w, menu)
		return true
	}
	b := signedIn(t, harness.Start(t, legacy, strings.Replace(aLink, "settle 100ms", "settle 0", 1)))
	if p := b.Get("/p/bye"); p.Status != http.StatusOK || p.Body != menu {
		t.Errorf("signed out by the page: %d %s", p.Status, p.Body)
	}
}

// TestLink_LeftAlone: a response that is no page for a browser's window is not changed.
func TestLink_LeftAlone(t *testing.T) {
	huge := strings.Repeat("<p>text</p>\n", 4<<20/12+1) + menu
	answers := map[string]func(w http.ResponseWriter){
		"missing": func(w http.ResponseWriter) { html(w); w.WriteHeader(http.StatusNotFound) },
		"failed":  func(w http.ResponseWriter) { html(w); w.WriteHeader(http.StatusInternalServerError) },
		"partial": func(w http.ResponseWriter) { html(w); w.WriteHeader(http.StatusPartialContent) },
		"json":    func(w http.ResponseWriter) { w.Header().Set("Content-Type", "application/json") },
		"xhtml":   func(w http.ResponseWriter) { w.Header().Set("Content-Type", "application/xhtml+xml") },
		"plain":   func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/plain; charset=utf-8") },
		"utf-16":  func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/html; charset=utf-16") },
		"unknown": func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/html; charset=klingon") },
		"download": func(w http.ResponseWriter) {
			html(w)
			w.Header().Set("Content-Disposition", `attachment; filename="a.html"`)
		},
		"everybodys": func(w http.ResponseWriter) { html(w); w.Header().Set("Cache-Control", "public, max-age=60") },
		"unreadable": func(w http.ResponseWriter) { html(w); w.Header().Set("Content-Encoding", "compress") },
		"twice":      func(w http.ResponseWriter) { html(w); w.Header().Set("Content-Encoding", "gzip, gzip") },
		"fetched":    html, "posted": html, "ranged": html, "framed": html, "requested": html, "picture.png": html,
	}
	h := harness.Start(t, pages(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		if r.URL.Path == "/p/huge" {
			html(w)
			fmt.Fprint(w, huge)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(menu)))
		answers[strings.TrimPrefix(r.URL.Path, "/p/")](w)
		fmt.Fprint(w, menu)
	}), aLink)
	b := signedIn(t, h)
	for name := range answers {
		r := b.Request(http.MethodGet, "/p/"+name, nil)
		r.Header.Set("Accept-Encoding", "identity")
		switch name {
		case "fetched":
			r.Header.Set("Sec-Fetch-Mode", "cors")
			r.Header.Set("Sec-Fetch-Dest", "empty")
		case "posted":
			r.Method, r.Body = http.MethodPost, io.NopCloser(strings.NewReader(url.Values{"a": {"b"}}.Encode()))
		case "ranged":
			r.Header.Set("Range", "bytes=0-")
		case "framed":
			r.Header.Set("Sec-Fetch-Dest", "iframe")
		case "requested":
			r.Header.Del("Sec-Fetch-Mode")
			r.Header.Del("Sec-Fetch-Dest")
			r.Header.Set("X-Requested-With", "XMLHttpRequest")
		}
		p := b.Do(r)
		if p.Body != menu || p.Header.Get("ETag") != `"1"` || p.Header.Get("Content-Length") != fmt.Sprint(len(menu)) {
			t.Errorf("%s: %d %v\n%s", name, p.Status, p.Header, p.Body)
		}
	}
	if p := b.Get("/p/huge"); p.Body != huge {
		t.Errorf("a huge page changed: %d bytes", len(p.Body))
	}
}

// TestLink_Validators: a cache must not return a page from before the link was added.
func TestLink_Validators(t *testing.T) {
	seen := make(chan http.Header, 1)
	h := harness.Start(t, pages(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Clone()
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Last-Modified", "Sun, 01 Nov 2026 00:00:00 GMT")
		w.Header().Set("Content-MD5", "x")
		w.Header().Set("Content-Length", fmt.Sprint(len(menu)))
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		html(w)
		if r.Method == http.MethodGet {
			fmt.Fprint(w, menu)
		}
	}), aLink)
	b := h.Browser()
	b.Header.Set("If-None-Match", `"1"`)
	b.Header.Set("If-Modified-Since", "Sun, 01 Nov 2026 00:00:00 GMT")
	if p := b.Get("/p/"); p.Status != http.StatusNotModified || (<-seen).Get("If-None-Match") == "" {
		t.Errorf("a stranger: %d", p.Status)
	}
	b.SignIn("alice")
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		p := b.Do(b.Request(method, "/p/", nil))
		if got := <-seen; got.Get("If-None-Match") != "" || got.Get("If-Modified-Since") != "" {
			t.Errorf("%s: the portal saw %v", method, got)
		}
		if p.Status != http.StatusOK || method == http.MethodGet && p.Body != menued {
			t.Errorf("%s: %d %s", method, p.Status, p.Body)
		}
		if n := p.Header.Get("Content-Length"); n != "" && (method == http.MethodHead || n != fmt.Sprint(len(p.Body))) {
			t.Errorf("%s: a length of %s", method, n)
		}
		for _, name := range []string{"ETag", "Last-Modified", "Content-Md5"} {
			if p.Header.Get(name) != "" {
				t.Errorf("%s: %s is still %s", method, name, p.Header.Get(name))
			}
		}
	}
}
