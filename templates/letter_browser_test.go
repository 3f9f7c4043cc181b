//go:build browser

package templates_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/templates"
	"github.com/secondgate/secondgate/templates/templatestest"
	"github.com/secondgate/secondgate/test/kit/browser"
)

// TestLettersInABrowser: a mail program shows them as narrow, as dark and as large as
// its reader likes.
func TestLettersInABrowser(t *testing.T) {
	set := newSet(t, templates.Brand{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lang, kind, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		letter, err := set.Write(lang, letter(kind))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, letter.HTML)
	}))
	defer server.Close()
	b := browser.Start(t)
	for _, page := range []string{"en/disabled", "en/enrol_code", templatestest.RTL + "/enrol_code"} {
		b.Open(server.URL + "/" + page)
		if b.Text("h1") == "" {
			t.Fatalf("no heading in %s", page)
		}
		b.CheckFits()
		b.CheckAxe()
		b.Screenshot("letter-" + strings.ReplaceAll(page, "/", "-"))
	}
}
