package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// refreshing is a shop in which whoami, as many portals do, sets the session's cookie
// again with a new value: each of its answers changes the visit's cookies.
func refreshing(w *world) {
	var n atomic.Int64
	w.shop.pages["/me"] = func(rw http.ResponseWriter, r *http.Request) error {
		rw.Header().Add("Set-Cookie", fmt.Sprintf("seen=%d; Path=/", n.Add(1)))
		return w.shop.whoami(rw, r)
	}
}

// shareable reports whether a shared cache may keep the response.
func shareable(h http.Header) bool {
	cc := h.Get("Cache-Control")
	return !strings.Contains(cc, "private") || h.Get("Expires") != "" || h.Get("CDN-Cache-Control") != ""
}

// TestAttack_K1_AssetsGetNoCookies: what whoami sets is never added to an asset's response,
// which shared caches keep. It comes with the next page, and the portal gets it at once.
func TestAttack_K1_AssetsGetNoCookies(t *testing.T) {
	attack(t, "refreshed cookie", func(t *testing.T) {
		w := newWorld(t, nil)
		refreshing(w)
		v := w.visitor()
		v.signIn("bob")
		v.send("GET /page")
		time.Sleep(2 * time.Minute) // answers have aged out
		var asset *flight
		if n := w.shop.questions(func() { asset = v.send("GET /style.css", "Sec-Fetch-Mode: no-cors") }); n == 0 {
			t.Error("nothing was asked, so nothing was tested")
		}
		if asset.code() != http.StatusOK || asset.sent["Set-Cookie"] != nil || asset.sent.Get("Cache-Control") != "public, max-age=3600" {
			t.Errorf("the asset: %s", asset.text())
		}
		page := v.send("GET /page")
		if len(page.sent["Set-Cookie"]) == 0 || shareable(page.sent) {
			t.Errorf("the next page: %s", page.text())
		}
		if next := v.send("GET /page"); len(next.sent["Set-Cookie"]) != 0 {
			t.Errorf("the page after that: %s", next.text())
		}
	})
}

// TestAttack_K1_HeldCookiesAreUsed: the changes that wait for the next page are the visit's
// cookies already: a session id that whoami rotated must not be lost.
func TestAttack_K1_HeldCookiesAreUsed(t *testing.T) {
	attack(t, "rotated id", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/me"] = func(rw http.ResponseWriter, r *http.Request) error {
			if id := w.shop.id(r); id != "" { // each answer moves the session to another id
				w.shop.mu.Lock()
				w.shop.begun++
				next := fmt.Sprint("id", w.shop.begun)
				w.shop.users[next] = w.shop.users[id]
				delete(w.shop.users, id)
				w.shop.mu.Unlock()
				r.Header.Set("Cookie", "SID="+next)
				rw.Header().Add("Set-Cookie", "SID="+next+"; Path=/")
			}
			return w.shop.whoami(rw, r)
		}
		v := w.visitor()
		v.signIn("bob")
		v.send("GET /page")
		for range 3 {
			for range 3 {
				time.Sleep(2 * time.Minute) // each is asked about
				if f := v.send("GET /style.css", "Sec-Fetch-Mode: no-cors"); f.code() != http.StatusOK || f.sent["Set-Cookie"] != nil {
					t.Errorf("an asset: %s", f.text())
				}
			}
			if f := v.send("GET /page"); !strings.Contains(f.text(), secret("bob")) {
				t.Errorf("the session was lost: %s", f.text())
			}
		}
	})
}

// TestAttack_K1_CookiesArePrivate: whatever response gets a cookie is one that only the
// browser may keep: a page of the portal's, the page that starts a visit, an asset of a
// visit that starts with it, a refusal.
func TestAttack_K1_CookiesArePrivate(t *testing.T) {
	attack(t, "pages", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/cached"] = func(rw http.ResponseWriter, r *http.Request) error {
			h := rw.Header()
			h.Set("Cache-Control", "public, max-age=600")
			h.Set("CDN-Cache-Control", "max-age=600")
			h.Set("Expires", "Mon, 30 Nov 2099 04:00:00 GMT")
			h.Set("Last-Modified", "Mon, 30 Nov 2020 04:00:00 GMT")
			if r.URL.RawQuery == "cart" {
				w.shop.begin(rw, r)
			}
			_, err := io.WriteString(rw, "page")
			return err
		}
		w.shop.pages["/image.css"] = w.shop.pages["/cached"]
		got := 0
		see := func(when string, f *flight) {
			t.Helper()
			if len(f.sent["Set-Cookie"]) == 0 {
				return
			}
			if got++; shareable(f.sent) {
				t.Errorf("%s has a cookie and may be shared: %s", when, f.text())
			}
		}
		stranger := w.visitor()
		first := stranger.send("GET /cached", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
		if see("a stranger's first page", first); len(first.sent["Set-Cookie"]) == 0 {
			t.Error("the first page starts no visit")
		}
		see("a page with a cart", stranger.send("GET /cached?cart"))
		see("a page with a cart, in no visit", w.visitor().send("GET /cached?cart"))
		see("an asset with a cart, in no visit", w.visitor().send("GET /image.css?cart"))
		see("a sign-in", stranger.signIn("bob"))
		see("a challenge", stranger.signIn("alice"))
		if got < 4 {
			t.Errorf("only %d responses got cookies", got)
		}
		if plain := w.visitor().send("GET /cached"); plain.sent.Get("Cache-Control") != "public, max-age=600" {
			t.Errorf("a page without cookies: %s", plain.text())
		}
	})
}

// TestAttack_K6_ManyCookies: a response with tens of thousands of Set-Cookie lines is
// refused; it costs no time to speak of, and nothing of it goes out.
func TestAttack_K6_ManyCookies(t *testing.T) {
	w := newWorld(t, nil)
	lines := make([]string, 40000)
	for i := range lines {
		lines[i] = fmt.Sprintf("c%d=%d; Path=/", i, i)
	}
	w.shop.pages["/many"] = func(rw http.ResponseWriter, _ *http.Request) error {
		rw.Header()["Set-Cookie"] = lines
		_, err := io.WriteString(rw, secret("alice"))
		return err
	}
	v := w.visitor()
	began := time.Now()
	f := v.send("GET /many")
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	if v.never("the page", f); f.code() != http.StatusServiceUnavailable || len(f.sent["Set-Cookie"]) > 3 {
		t.Errorf("%d with %d cookies", f.code(), len(f.sent["Set-Cookie"]))
	}
}

// TestAttack_K7_TracingHeaders: names of one request, as every CDN makes them, are nothing
// that a portal knows users by: twenty pages ask once. They are in no question.
func TestAttack_K7_TracingHeaders(t *testing.T) {
	for _, name := range []string{"X-Request-Id", "Cf-Ray", "X-Amzn-Trace-Id", "Traceparent", "X-B3-Traceid", "X-Cloud-Trace-Context"} {
		attack(t, name, func(t *testing.T) {
			w := newWorld(t, nil)
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(2 * time.Minute)
			n := w.shop.questions(func() {
				for i := range 20 {
					if f := v.send("GET /page", fmt.Sprintf("%s: %d", name, i)); !strings.Contains(f.text(), secret("bob")) {
						t.Error(f.text())
					}
				}
			})
			if n != 1 {
				t.Errorf("%d questions for 20 pages", n)
			}
			for _, h := range w.shop.got {
				if h.Get(name) != "" {
					t.Errorf("a question has %s", name)
				}
			}
		})
	}
}

// TestAttack_I14_RandomHeaders: a stranger with a session sends another unknown header with
// each request, so that no answer can be kept. One request causes few questions, and those
// of a visit and of an address are bounded; what can't be asked about is refused.
func TestAttack_I14_RandomHeaders(t *testing.T) {
	attack(t, "one visit", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
		v := w.visitor()
		v.send("GET /cart")
		if n := w.shop.questions(func() { v.send("GET /page", "X-Random-0: 1") }); n > 6 {
			t.Errorf("one request causes %d questions", n)
		}
		refused := 0
		n := w.shop.questions(func() {
			for i := range 300 {
				if f := v.send("GET /page", fmt.Sprintf("X-Random-%d: 1", i)); f.code() == http.StatusServiceUnavailable {
					refused++
				}
			}
		})
		if n > 300 || refused == 0 {
			t.Errorf("%d questions at once, %d requests refused", n, refused)
		}
		time.Sleep(time.Minute)
		if f := v.send("GET /page"); f.code() != http.StatusOK {
			t.Errorf("a minute later: %s", f.text())
		}
		if f := w.visitor().send("GET /page"); f.code() != http.StatusOK {
			t.Errorf("another visit: %s", f.text())
		}
	})
}

// TestI14_UsersWhoMayPass: the limits are for strangers; a user who may pass is asked about
// as often as it takes.
func TestI14_UsersWhoMayPass(t *testing.T) {
	attack(t, "bob", func(t *testing.T) {
		w := newWorld(t, nil)
		v := w.visitor()
		v.signIn("bob")
		for i := range 300 {
			if f := v.send("POST /page x=1"); f.code() != http.StatusOK {
				t.Fatalf("form %d: %s", i, f.text())
			}
		}
	})
}
