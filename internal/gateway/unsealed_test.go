package gateway_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// ofAlice is the value of a cookie that is never sealed, as the portal sets it for alice.
const ofAlice = "of-alice-only"

// setsTheme sets alice's cookie.
func setsTheme(rw http.ResponseWriter) { rw.Header().Add("Set-Cookie", "theme="+ofAlice+"; Path=/") }

// noTheme fails the test if alice's cookie reached the client.
func noTheme(t *testing.T, when string, f *flight) {
	t.Helper()
	if strings.Contains(f.text(), ofAlice) {
		t.Errorf("%s: alice's cookie went out: %s", when, f.text())
	}
}

// TestAttack_Unsealed_CookieOfDoubtedResponse: the answer about a doubted response does not name the
// user that it was made for. What it sets unsealed must not wait for that user.
func TestAttack_Unsealed_CookieOfDoubtedResponse(t *testing.T) {
	attack(t, "sign-out beside a long form", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) { o.Rules.SignOut = paths{"/logout"} })
		signIn := make(chan bool)
		w.shop.pages["/chat"] = func(rw http.ResponseWriter, r *http.Request) error {
			rw.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(rw, "data: word\n\n")
			<-signIn
			w.shop.commit(r, w.shop.id(r), "alice")
			signIn <- true
			<-r.Context().Done()
			return nil
		}
		w.shop.pages["/logout"] = func(rw http.ResponseWriter, r *http.Request) error {
			signIn <- true
			<-signIn
			if w.shop.user(r) == "alice" {
				setsTheme(rw)
			}
			w.shop.commit(r, w.shop.id(r), "")
			return nil
		}
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		v.open("POST /chat say=hello")
		time.Sleep(5 * time.Second)
		noTheme(t, "the sign-out", v.send("POST /logout x=1"))
		time.Sleep(5 * time.Second)
		noTheme(t, "bob's sign-in", v.signIn("bob"))
		noTheme(t, "bob's page", v.send("GET /page"))
	})
}

// TestAttack_Unsealed_CookieOfNamesake: the names of a portal's users may differ in case only.
func TestAttack_Unsealed_CookieOfNamesake(t *testing.T) {
	attack(t, "ALICE", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/login.php"] = func(rw http.ResponseWriter, r *http.Request) error {
			user := r.FormValue("user")
			if w.shop.commit(r, w.shop.begin(rw, r), user); user == "alice" {
				setsTheme(rw)
			}
			_, err := io.WriteString(rw, "welcome "+secret(user))
			return err
		}
		v := w.visitor()
		v.send("GET /page", "Sec-Fetch-Mode: navigate")
		noTheme(t, "alice's sign-in", v.signIn("alice"))
		time.Sleep(5 * time.Second)
		v.cookies = v.cookies[:1] // the visit's
		noTheme(t, "the sign-in of ALICE", v.signIn("ALICE"))
		noTheme(t, "the page of ALICE", v.send("GET /page"))
	})
}

// TestAttack_Unsealed_CookieOfFirstRound: a session that is alice's now has a cookie that was sealed for
// bob. The first question names alice, who owes a code, and sets her cookie; without the session
// the request is a stranger's, and its page is released.
func TestAttack_Unsealed_CookieOfFirstRound(t *testing.T) {
	attack(t, "old cookie", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/me"] = func(rw http.ResponseWriter, r *http.Request) error {
			if w.shop.user(r) == "alice" {
				setsTheme(rw)
			}
			return w.shop.whoami(rw, r)
		}
		v := w.visitor()
		v.send("GET /page", "Sec-Fetch-Mode: navigate")
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		old := slices.Clone(v.cookies)
		noTheme(t, "alice's sign-in", v.signIn("alice"))
		time.Sleep(5 * time.Second)
		for _, page := range []string{"1", "2"} {
			v.cookies = slices.Clone(old)
			noTheme(t, "a stranger's page "+page, v.send("GET /page", "Referer: https://example.com/"+page))
		}
	})
}

// TestAttack_Unsealed_DeletedCookie: a deletion that the portal sends with a value is a part of what it
// rendered, too.
func TestAttack_Unsealed_DeletedCookie(t *testing.T) {
	for _, line := range []string{"theme=" + ofAlice + "; Path=/; Max-Age=0", "theme=; Path=/" + ofAlice + "; Max-Age=0"} {
		attack(t, line, func(t *testing.T) {
			w := newWorld(t, nil)
			w.shop.pages["/login.php"] = func(rw http.ResponseWriter, r *http.Request) error {
				w.shop.commit(r, w.shop.begin(rw, r), r.FormValue("user"))
				rw.Header().Add("Set-Cookie", line)
				return nil
			}
			v := w.visitor()
			v.send("GET /page", "Sec-Fetch-Mode: navigate")
			noTheme(t, "alice's sign-in", v.signIn("alice"))
		})
	}
}

// TestAttack_Unsealed_CookieOfDoubtedSignIn: likewise where the answer names the earlier user,
// because another request wrote the session back.
func TestAttack_Unsealed_CookieOfDoubtedSignIn(t *testing.T) {
	attack(t, "sign-in beside a long form", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) { o.Rules.SignIn, o.Rules.Fields = paths{"/enter"}, []string{"user"} })
		w.shop.pages["/chat"] = func(rw http.ResponseWriter, r *http.Request) error {
			rw.Header().Set("Content-Type", "text/event-stream")
			_, err := io.WriteString(rw, "data: word\n\n")
			time.Sleep(20 * time.Second)
			return err
		}
		w.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error { setsTheme(rw); return nil }
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		v.open("POST /chat say=hello")
		time.Sleep(5 * time.Second)
		f := v.send("POST /enter user=alice")
		if noTheme(t, "the sign-in", f); f.code() != http.StatusServiceUnavailable {
			t.Fatalf("the sign-in is not doubted: %s", f.text())
		}
		time.Sleep(time.Minute)
		noTheme(t, "bob's page", v.send("GET /page"))
	})
}

// TestAttack_Unsealed_OwedByAsset: responses of assets get no cookies (K1). What waits for a user
// who may pass waits for a page.
func TestAttack_Unsealed_OwedByAsset(t *testing.T) {
	attack(t, "asset", func(t *testing.T) {
		w := newWorld(t, nil)
		var sets, fails atomic.Bool
		w.shop.pages["/me"] = func(rw http.ResponseWriter, r *http.Request) error {
			if fails.Load() {
				rw.WriteHeader(http.StatusInternalServerError)
				return nil
			}
			if sets.Load() {
				rw.Header().Add("Set-Cookie", "theme=of-bob; Path=/")
			}
			return w.shop.whoami(rw, r)
		}
		w.shop.pages["/form"] = func(http.ResponseWriter, *http.Request) error { fails.Store(true); return nil }
		w.shop.pages["/style.css"] = func(rw http.ResponseWriter, _ *http.Request) error {
			time.Sleep(time.Minute)
			rw.Header().Set("Content-Type", "text/css")
			return nil
		}
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(time.Minute)
		v.send("GET /page")
		asset := v.start(t.Context(), "GET /style.css")
		time.Sleep(time.Second)
		sets.Store(true)
		if f := v.send("POST /form a=b"); f.code() != http.StatusServiceUnavailable {
			t.Fatalf("the form's response is not withheld: %s", f.text())
		}
		sets.Store(false)
		fails.Store(false)
		if <-asset.done; asset.code() != http.StatusOK || strings.Contains(asset.text(), "Set-Cookie") {
			t.Errorf("the asset has a cookie: %s", asset.text())
		}
		if f := v.send("GET /page"); !strings.Contains(f.text(), "theme=of-bob") {
			t.Errorf("the page has no cookie: %s", f.text())
		}
	})
}

// TestAttack_Unsealed_CookieByFailedAsset: a sign-in is saved late. The question about an asset names alice
// and sets her cookie; the asset is fetched without credentials and fails without headers.
func TestAttack_Unsealed_CookieByFailedAsset(t *testing.T) {
	attack(t, "late sign-in", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) { o.Rules.SignIn, o.Rules.Fields = paths{"/enter"}, []string{"user"} })
		w.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
			id := w.shop.begin(rw, r)
			time.AfterFunc(1500*time.Millisecond, func() { w.shop.commit(r, id, "alice") })
			return nil
		}
		w.shop.pages["/me"] = func(rw http.ResponseWriter, r *http.Request) error {
			if w.shop.user(r) == "alice" {
				setsTheme(rw)
			}
			return w.shop.whoami(rw, r)
		}
		w.shop.pages["/broken.css"] = func(http.ResponseWriter, *http.Request) error { return errCut }
		v := w.visitor()
		v.send("GET /page", "Sec-Fetch-Mode: navigate")
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		v.send("POST /enter user=alice")
		v.send("GET /page")
		time.Sleep(5 * time.Second)
		old := slices.Clone(v.cookies)
		for _, page := range []string{"1", "2"} {
			v.cookies = slices.Clone(old)
			noTheme(t, "the asset", v.send("GET /broken.css", "Referer: https://example.com/"+page))
		}
		v.cookies = old[:1] // the visit's
		noTheme(t, "a stranger's page", v.send("GET /page"))
	})
}
