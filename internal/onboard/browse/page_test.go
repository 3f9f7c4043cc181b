package browse_test

import (
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/secondgate/secondgate/internal/onboard/browse"
)

// TestCharacterSets reads a page in windows-1252, named by its header or by itself,
// and sends its form in the same.
func TestCharacterSets(t *testing.T) {
	for name, c := range map[string]struct{ kind, head string }{
		"header": {"text/html; charset=iso-8859-1", ""},
		"meta":   {"text/html", `<meta charset="windows-1252">`},
	} {
		t.Run(name, func(t *testing.T) {
			sent := ""
			at := serve(t, map[string]http.HandlerFunc{
				"GET /": func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", c.kind)
					_, _ = io.WriteString(w, c.head+"<p>M\xfcller</p><form method=post action=/to><input name=u></form>")
				},
				"POST /to": func(_ http.ResponseWriter, r *http.Request) { b, _ := io.ReadAll(r.Body); sent = string(b) },
			})
			b := browser(browse.Options{})
			p, err := b.Get(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Doc().Find("p").Text(); got != "Müller" {
				t.Errorf("read %q", got)
			}
			if _, err := b.Submit(t.Context(), p.Forms()[0], map[string]string{"u": "ü→"}); err != nil {
				t.Fatal(err)
			}
			if sent != "u=%FC%26%238594%3B" {
				t.Errorf("sent %q", sent)
			}
		})
	}
}

// TestHeadersOfABrowser holds navigations to what portals that pin sessions look at.
func TestHeadersOfABrowser(t *testing.T) {
	seen := map[string]http.Header{}
	note := func(next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { seen[r.Method+r.URL.Path] = r.Header.Clone(); next(w, r) }
	}
	at := serve(t, map[string]http.HandlerFunc{"GET /": note(home), "GET /login": note(loginPage), "POST /login": note(account)})
	b := browser(browse.Options{})
	if _, err := b.SignIn(t.Context(), at+"/", alice); err != nil {
		t.Fatal(err)
	}
	const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	for at2, want := range map[string]map[string]string{
		"GET/":       {"Sec-Fetch-Site": "none", "Referer": "", "Origin": "", "User-Agent": firefox, "Sec-Fetch-Mode": "navigate"},
		"GET/login":  {"Sec-Fetch-Site": "same-origin", "Referer": at + "/", "Origin": ""},
		"POST/login": {"Sec-Fetch-Site": "same-origin", "Referer": at + "/login", "Origin": at, "Content-Type": "application/x-www-form-urlencoded"},
		"GET/home":   {"Referer": at + "/login", "Origin": "", "Content-Type": "", "User-Agent": firefox},
	} {
		for name, value := range want {
			if got := seen[at2].Get(name); got != value {
				t.Errorf("%s: %s is %q, want %q", at2, name, got, value)
			}
		}
	}
}

func TestOnceFollowsNothing(t *testing.T) {
	var seen http.Header
	at := serve(t, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}})
	b := browser(browse.Options{})
	p, err := b.Once(t.Context(), "PUT", at+"/x?a=1", http.Header{"Accept": {"application/json"}}, []byte("body"))
	if err != nil || p.Status != 302 || p.URL.Path != "/x" {
		t.Fatalf("%+v, %v", p, err)
	}
	if seen.Get("Accept") != "application/json" || seen.Get("Sec-Fetch-Mode") != "" {
		t.Errorf("sent %v", seen)
	}
	if !slices.Equal(names(b.Cookies()), []string{"a"}) {
		t.Errorf("keeps %v", names(b.Cookies()))
	}
}

func TestMetaRefreshIsFollowed(t *testing.T) {
	at := serve(t, map[string]http.HandlerFunc{
		"/":   page(`<meta http-equiv=Refresh content="0; URL='/in'">`),
		"/in": page(`<meta http-equiv=refresh content="300; url=/"><p>in</p>`),
	})
	p, err := browser(browse.Options{}).Get(t.Context(), at+"/")
	if err != nil || p.URL.Path != "/in" {
		t.Fatalf("%+v, %v", p, err)
	}
}

// TestOnlyAQuickRefreshIsFollowed: people see a page that refreshes itself after some seconds.
func TestOnlyAQuickRefreshIsFollowed(t *testing.T) {
	for delay, followed := range map[string]bool{"0": true, " 1 ": true, "0.5": true, "10": false, "1.1": false, "": false, "soon": false} {
		at := serve(t, map[string]http.HandlerFunc{
			"/":   page(`<meta http-equiv=refresh content="` + delay + `; url=/in">`),
			"/in": page("<p>in</p>"),
		})
		p, err := browser(browse.Options{}).Get(t.Context(), at+"/")
		if err != nil || (p.URL.Path == "/in") != followed {
			t.Errorf("after %q s: %v, %v", delay, p.URL, err)
		}
	}
}

func TestA307KeepsTheForm(t *testing.T) {
	got := ""
	at := serve(t, map[string]http.HandlerFunc{
		"GET /":   page(`<form method=post action=/a><input name=u value=1></form>`),
		"POST /a": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/b", http.StatusTemporaryRedirect) },
		"POST /b": func(_ http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			got = string(b) + r.Header.Get("Content-Type")
		},
	})
	submit(t, at+"/", nil)
	if !strings.HasPrefix(got, "u=1application/x-www-form-urlencoded") {
		t.Errorf("second hop got %q", got)
	}
}

// TestCompressedPages: pages that a portal compresses without being asked are read.
func TestCompressedPages(t *testing.T) {
	const body = "<form method=post><input name=u></form>"
	for name, compress := range map[string]func(io.Writer) io.WriteCloser{
		"gzip":    func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"deflate": func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) },
		"Deflate": func(w io.Writer) io.WriteCloser { f, _ := flate.NewWriter(w, 5); return f },
		"br":      func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) },
		"zstd":    func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z },
	} {
		at := serve(t, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Content-Encoding", name)
			c := compress(w)
			_, _ = io.WriteString(c, body)
			_ = c.Close()
		}})
		p, err := browser(browse.Options{}).Get(t.Context(), at)
		if err != nil || string(p.Body) != body || len(p.Forms()) != 1 {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

func TestUnknownCompression(t *testing.T) {
	at := serve(t, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "compress")
		_, _ = io.WriteString(w, "x")
	}})
	if _, err := browser(browse.Options{}).Get(t.Context(), at); !errors.Is(err, browse.ErrNotHTML) {
		t.Errorf("error %v", err)
	}
}
