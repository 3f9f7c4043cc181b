package check

import (
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

func page(kind, body string) *browse.Page {
	return &browse.Page{URL: &url.URL{Path: "/"}, Status: http.StatusOK, Header: http.Header{"Content-Type": {kind}}, Body: []byte(body)}
}

// TestMarks: a customer's page is recognised by text that is on it every time and never on a
// stranger's page, also if the stranger typed that text.
func TestMarks(t *testing.T) {
	const html = "text/html; charset=utf-8"
	mine := page(html, `<h1>Shop</h1><p>Orders of Ada</p><p>12:00:01</p><input name=n value="Ada L."><input type=hidden name=t value="token-1"><p>ada</p><script>var orders</script>`)
	again := page(html, `<h1>Shop</h1><p>Orders  of
		Ada</p><p>12:00:02</p><input name=n value="Ada L."><input type=hidden name=t value="token-1"><p>ada</p><script>var orders</script>`)
	other := page(html, `<h1>Shop</h1><p>Sign in</p>`)
	m := newMarks([][2]*browse.Page{{mine, again}}, []*browse.Page{other}, "ada")
	if want := []string{"Orders of Ada", "Ada L."}; !slices.Equal([]string(m), want) {
		t.Errorf("marks %q, want %q", []string(m), want)
	}
	for body, want := range map[string]bool{
		`<i>Orders of Ada</i>`:                   true,
		`<input value=" Ada L. ">`:               true,
		`<h1>Shop</h1><input value=ada>`:         false,
		`<p>Orders of Ada Lovelace</p>`:          false,
		`<script>"Orders of Ada"</script>`:       false,
		`<input type=hidden value="token-1">ada`: false,
	} {
		if found := m.on(page(html, body)) != ""; found != want {
			t.Errorf("%s: found %v", body, found)
		}
	}
	if m.on(page("text/plain", "a\nOrders of Ada\nb")) == "" {
		t.Error("a line of text is not known")
	}
}

func TestWhereTheUserIsNamed(t *testing.T) {
	for name, c := range map[string]struct{ kind, body, want string }{
		"JSON":       {"application/json", `{"user":{"a.b":"Ada"},"n":1}`, `json user.a\.b`},
		"no JSON":    {"application/json", `{`, ""},
		"field":      {"text/html", `<input name=q value=x><input name=login value=ada>`, `html "input[name=login]" value`},
		"field's id": {"text/html", `<input id=me name=login value=ADA>`, `html "#me" value`},
		"text's id":  {"text/html", `<p id=who> ada </p>`, `html "#who"`},
		"class":      {"text/html", `<p class="who b">ada</p>`, `html ".who"`},
		"nowhere":    {"text/html", `<p class="who">Hello, ada</p>`, ""},
	} {
		res := whoami.Response{Status: http.StatusOK, Header: http.Header{"Content-Type": {c.kind}}, Body: []byte(c.body)}
		if got := whereNamed(res, "ada"); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestIDsThatThePortalGave(t *testing.T) {
	for id, want := range map[string]bool{
		"ada": true, "ADA": true, "1001": true, "6f1e-22": true, "ada – 1001": true, "ada/17": true,
		"Ada Lovelace": false, "ada lovelace": false, "": false, "deadbeef": false, "Welcome, ada": false, "ada@shop.example": false,
	} {
		c := &customer{Account: browse.Account{User: " ada"}, id: id}
		if got := c.givenByPortal(); got != want {
			t.Errorf("%q: %v", id, got)
		}
	}
}
