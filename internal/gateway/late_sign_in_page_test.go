package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestAttack_LateSignIn_Page: the portal saves a declared sign-in 1 s after its response, within
// settle. Later a page is rendered for alice by the anonymous answer from before, and the session ends
// before the page's response does: by a link that signs out and is not declared, or, at a portal with one
// session per user, by a sign-in in another browser.
func TestAttack_LateSignIn_Page(t *testing.T) {
	for _, ends := range []string{"link", "another browser", "the page itself"} {
		for _, pause := range []time.Duration{1500 * time.Millisecond, 10 * time.Second, 100 * time.Second} {
			attack(t, fmt.Sprint(ends, " after ", pause), func(t *testing.T) {
				w := newWorld(t, func(o *gateway.Options) {
					o.Rules.SignIn, o.Rules.Fields, o.Rules.SignOut = paths{"/late", "/login.php"}, []string{"user"}, paths{"/logout"}
				})
				w.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
				first := ""
				w.shop.pages["/late"] = func(rw http.ResponseWriter, r *http.Request) error {
					id := w.shop.begin(rw, r)
					first = id
					time.AfterFunc(time.Second, func() { w.shop.commit(r, id, "alice") })
					_, err := io.WriteString(rw, "welcome")
					return err
				}
				w.shop.pages["/account"] = func(rw http.ResponseWriter, r *http.Request) error {
					user := w.shop.user(r)
					if time.Sleep(500 * time.Millisecond); ends == "the page itself" { // a sign-out with a farewell
						w.shop.commit(r, w.shop.begin(rw, r), "")
					}
					_, err := io.WriteString(rw, "account "+secret(user))
					return err
				}
				w.shop.pages["/session/end"] = func(rw http.ResponseWriter, r *http.Request) error {
					w.shop.commit(r, w.shop.begin(rw, r), "")
					return nil
				}
				w.shop.pages["/login.php"] = func(rw http.ResponseWriter, r *http.Request) error {
					w.shop.commit(r, first, "") // one session per user
					w.shop.commit(r, w.shop.begin(rw, r), "alice")
					return nil
				}
				v := w.visitor()
				v.send("GET /page", "Sec-Fetch-Mode: navigate")
				v.send("GET /cart")
				v.never("the sign-in", v.send("POST /late user=alice"))
				time.Sleep(pause)
				account := v.start(t.Context(), "GET /account")
				time.Sleep(200 * time.Millisecond)
				switch ends {
				case "link":
					v.never("the link", v.send("GET /session/end"))
				case "another browser":
					other := w.visitor()
					other.address = "192.0.2.2"
					other.signIn("alice")
				}
				<-account.done
				v.never("the account", account)
			})
		}
	}
}

// TestAttack_LateSignIn_GivenUp: the client of a declared sign-in leaves; the portal carries it out a
// minute later, within the ten minutes in which responses are checked. An answer from in between is used: a
// stranger's, or that of an own account. The page's session ends while it is rendered, or by the page itself.
func TestAttack_LateSignIn_GivenUp(t *testing.T) {
	for _, own := range []string{"", "bob"} {
		for _, ends := range []string{"by a link", "by itself"} {
			attack(t, "own account "+own+", ended "+ends, func(t *testing.T) { pageByGivenUpSignIn(t, own, ends == "by itself") })
		}
	}
}

func pageByGivenUpSignIn(t *testing.T, own string, itself bool) {
	w := newWorld(t, func(o *gateway.Options) {
		o.Rules.SignIn, o.Rules.Fields, o.Rules.SignOut = paths{"/late", "/login.php"}, []string{"user"}, paths{"/logout"}
	})
	w.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
	w.shop.pages["/late"] = func(rw http.ResponseWriter, r *http.Request) error {
		id := w.shop.begin(rw, r)
		time.AfterFunc(time.Minute, func() { w.shop.commit(r, id, "alice") })
		<-r.Context().Done()
		return r.Context().Err()
	}
	w.shop.pages["/account"] = func(rw http.ResponseWriter, r *http.Request) error {
		user := w.shop.user(r)
		if time.Sleep(500 * time.Millisecond); itself {
			w.shop.commit(r, w.shop.begin(rw, r), "")
		}
		_, err := io.WriteString(rw, "account "+secret(user))
		return err
	}
	w.shop.pages["/session/end"] = func(rw http.ResponseWriter, r *http.Request) error {
		w.shop.commit(r, w.shop.begin(rw, r), "")
		return nil
	}
	v := w.visitor()
	v.send("GET /page", "Sec-Fetch-Mode: navigate")
	v.send("GET /cart")
	if own != "" {
		v.signIn(own)
	}
	time.Sleep(5 * time.Second)
	ctx, leave := context.WithTimeout(t.Context(), time.Second)
	defer leave()
	late := v.start(ctx, "POST /late user=alice")
	<-late.done
	time.Sleep(20 * time.Second)
	v.never("a page", v.send("GET /page"))
	time.Sleep(40 * time.Second)
	account := v.start(t.Context(), "GET /account")
	if time.Sleep(200 * time.Millisecond); !itself {
		v.never("the link", v.send("GET /session/end"))
	}
	<-account.done
	v.never("the account", account)
}
