package gateway_test

import (
	"fmt"
	"net/http"
	"testing"
)

// pages asks for a page from each of four others, and returns how many questions that took.
func (v *visitor) pages() int {
	return v.w.shop.questions(func() {
		for i := range 4 {
			v.send("GET /act", fmt.Sprintf("Referer: https://example.com/%d", i))
		}
	})
}

// TestSuspended_StrangersForm: a stranger's form that signs no user in costs a question before it
// and one after it. What was known of the stranger's other headers is known afterwards: each page
// costs the question about its response, as before the form.
func TestSuspended_StrangersForm(t *testing.T) {
	attack(t, "search", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
		w.shop.pages["/search"] = func(http.ResponseWriter, *http.Request) error { return nil }
		v := w.visitor()
		v.send("GET /")
		if n := v.pages(); n != 8 {
			t.Errorf("%d questions about four pages", n)
		}
		if n := w.shop.questions(func() { v.send("POST /search q=x", "Referer: https://example.com/form") }); n != 2 {
			t.Errorf("%d questions about the form", n)
		}
		if n := v.pages(); n != 4 {
			t.Errorf("%d questions about four pages after the form", n)
		}
	})
}

// TestSuspended_SignIn: a form that signs alice in, or renames the session, leaves nothing of
// what was known before it: no page is carried out for alice.
func TestSuspended_SignIn(t *testing.T) {
	attack(t, "sign-in", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
		w.shop.pages["/act"] = func(_ http.ResponseWriter, r *http.Request) error {
			if user := w.shop.user(r); user != "" {
				t.Errorf("carried out for %s", user)
			}
			return nil
		}
		v := w.visitor()
		v.send("GET /")
		v.pages()
		v.send("POST /login.php user=alice", "Referer: https://example.com/form")
		v.pages()
	})
}
