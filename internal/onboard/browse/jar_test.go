package browse_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/secondgate/secondgate/internal/onboard/browse"
)

// TestCookiesGoWhereTheyBelong walks through paths, deletions and order.
func TestCookiesGoWhereTheyBelong(t *testing.T) {
	sent := ""
	at := serve(t, map[string]http.HandlerFunc{
		"/dir/set": func(w http.ResponseWriter, _ *http.Request) {
			for _, c := range []string{"root=1; Path=/", "here=2", "admin=3; Path=/admin", "deep=4; Path=/dir/deep/", "gone=5; Path=/", "other=6; Domain=example.com", "root=7; Path=/dir; HttpOnly; SameSite=Lax"} {
				w.Header().Add("Set-Cookie", c)
			}
		},
		"/dir/delete": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Add("Set-Cookie", "gone=; Path=/; Max-Age=0")
			w.Header().Add("Set-Cookie", "here=; expires=Thu, 01 Jan 1970 00:00:00 GMT")
		},
		"/": func(_ http.ResponseWriter, r *http.Request) { sent = r.Header.Get("Cookie") },
	})
	b := browser(browse.Options{})
	get := func(path string) string {
		sent = ""
		if _, err := b.Get(t.Context(), at+path); err != nil {
			t.Fatal(err)
		}
		return sent
	}
	get("/dir/set")
	if got := names(b.Cookies()); !slices.Equal(got, []string{"root", "here", "admin", "deep", "gone", "root"}) {
		t.Errorf("holds %v", got)
	}
	if c := b.Cookies()[5]; c.Path != "/dir" || !c.HTTPOnly || !c.HostOnly || c.Domain != "127.0.0.1" {
		t.Errorf("cookie %+v", c)
	}
	get("/dir/delete")
	for path, want := range map[string]string{
		"/": "root=1", "/admin": "admin=3; root=1", "/administrator": "root=1", "/dir/x": "root=7; root=1", "/dir/deep/x": "deep=4; root=7; root=1",
	} {
		if got := get(path); got != want {
			t.Errorf("%s is sent %q, want %q", path, got, want)
		}
	}
}

func TestClonesShareNothing(t *testing.T) {
	n := 0
	at := serve(t, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, _ *http.Request) {
		n++
		http.SetCookie(w, &http.Cookie{Name: string(rune('a' + n)), Value: "x"})
	}})
	b := browser(browse.Options{})
	get := func(b *browse.Browser) {
		if _, err := b.Get(t.Context(), at); err != nil {
			t.Fatal(err)
		}
	}
	get(b)
	get(b)
	c := b.Clone()
	get(c)
	only := c.Only(func(k browse.Cookie) bool { return k.Name == "d" })
	for _, v := range []struct {
		b    *browse.Browser
		want []string
	}{{b, []string{"b", "c"}}, {c, []string{"b", "c", "d"}}, {only, []string{"d"}}} {
		if got := names(v.b.Cookies()); !slices.Equal(got, v.want) {
			t.Errorf("holds %v, want %v", got, v.want)
		}
	}
}
