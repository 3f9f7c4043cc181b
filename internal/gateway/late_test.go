package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestAttack_Late_SignOut: in the visit of an own account that owes nothing, a
// declared sign-in is saved late, but within settle. A declared sign-out that the portal
// carries out then shows whom it signs out; after it no user is signed in.
func TestAttack_Late_SignOut(t *testing.T) {
	for _, own := range []string{"", "bob"} {
		for _, line := range []string{"POST /logout a=b", "GET /logout"} {
			attack(t, fmt.Sprintf("own %q %s", own, line), func(t *testing.T) {
				w := newWorld(t, func(o *gateway.Options) {
					o.Rules.SignIn, o.Rules.Fields, o.Rules.SignOut = paths{"/enter"}, []string{"user"}, paths{"/logout"}
				})
				w.shop.pages["/enter"] = w.shop.late(1500 * time.Millisecond)
				w.shop.pages["/logout"] = w.shop.goodbye
				v := w.visitor()
				v.send("GET /page")
				v.signIn(own)
				time.Sleep(5 * time.Second)
				began := time.Now()
				v.never("the sign-in", v.send("POST /enter user=alice"))
				time.Sleep(time.Until(began.Add(1490 * time.Millisecond)))
				f := v.send(line)
				t.Log(f.text())
				v.never("the sign-out", f)
			})
		}
	}
}

// TestAttack_Late_LinkAtSignIn: a link at the address of a declared sign-in, with none of its
// fields, is saved a moment after its response, within settle. The visit is an own account's.
func TestAttack_Late_LinkAtSignIn(t *testing.T) {
	for _, line := range []string{"GET /enter?token=alice", "GET /magic?token=alice"} {
		for _, own := range []string{"", "bob"} {
			attack(t, fmt.Sprintf("own %q %s", own, line), func(t *testing.T) {
				w := newWorld(t, func(o *gateway.Options) {
					o.Rules.SignIn, o.Rules.Fields = paths{"/enter"}, []string{"user"}
				})
				redirect := func(rw http.ResponseWriter, r *http.Request) error {
					id := w.shop.begin(rw, r)
					time.AfterFunc(100*time.Millisecond, func() { w.shop.commit(r, id, "alice") })
					rw.Header().Set("Location", "/page")
					rw.WriteHeader(http.StatusFound)
					return nil
				}
				w.shop.pages["/enter"], w.shop.pages["/magic"] = redirect, redirect
				v := w.visitor()
				v.send("GET /page")
				v.signIn(own)
				time.Sleep(5 * time.Second)
				v.send("GET /page")
				v.never("the link", v.send(line))
				for i := range 8 {
					time.Sleep(time.Second)
					v.never(fmt.Sprint("a page after ", i+1, " s"), v.send("GET /page"))
				}
			})
		}
	}
}

// TestAttack_UnknownAfterLink: an undeclared link signs in within the session of an own account
// and sets a cookie, so that its response is checked; a header that the answer from before did not
// depend on makes whoami fail. What was known before the link is not believed any longer.
func TestAttack_UnknownAfterLink(t *testing.T) {
	for _, header := range []string{"X-None: 1", "Accept: application/x-odd", "Origin: https://odd.example"} {
		attack(t, header, func(t *testing.T) {
			w := newWorld(t, nil)
			w.shop.pages["/me"] = func(rw http.ResponseWriter, r *http.Request) error {
				if r.Header.Get("Accept") == "application/x-odd" || r.Header.Get("Origin") != "" {
					rw.WriteHeader(http.StatusNotAcceptable)
					return nil
				}
				return w.shop.whoami(rw, r)
			}
			w.shop.pages["/magic"] = func(rw http.ResponseWriter, r *http.Request) error {
				w.shop.commit(r, w.shop.begin(rw, r), "alice")
				rw.Header().Add("Set-Cookie", "LAST=1; Path=/")
				_, err := io.WriteString(rw, "welcome "+secret("alice"))
				return err
			}
			v := w.visitor()
			v.send("GET /page")
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			v.send("GET /page")
			var headers []string
			if header != "X-None: 1" {
				headers = append(headers, header)
			}
			f := v.send("GET /magic?token=alice", headers...)
			t.Log(f.text())
			v.never("the link", f)
			for i := range 3 {
				v.never(fmt.Sprint("a page after ", i, " s"), v.send("GET /page"))
				time.Sleep(time.Second)
			}
		})
	}
}

// TestAttack_OldQuestionShared: a question that began before a sign-in is still on its way
// when the visit is settled again. A request that comes then does not take its answer.
func TestAttack_OldQuestionShared(t *testing.T) {
	for _, settle := range []time.Duration{0, 2 * time.Second} {
		attack(t, fmt.Sprint("settle ", settle), func(t *testing.T) {
			own := "bob"
			w := newWorld(t, func(o *gateway.Options) {
				o.Rules.SignIn, o.Rules.Fields, o.Settle = paths{"/login.php"}, []string{"user"}, settle
			})
			w.shop.pages["/me"] = func(rw http.ResponseWriter, r *http.Request) error {
				user := w.shop.user(r)
				if r.Header.Get("Referer") != "" {
					time.Sleep(8 * time.Second) // a slow page, or one of many
				}
				if user == "" {
					rw.WriteHeader(http.StatusUnauthorized)
					return nil
				}
				_, err := fmt.Fprintf(rw, `{"user":%q}`, user)
				return err
			}
			w.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
			v := w.visitor()
			v.send("GET /cart")
			if own != "" {
				v.signIn(own)
			}
			time.Sleep(5 * time.Minute) // kept answers are too old now
			first := v.start(t.Context(), "GET /page", "Referer: https://example.com/slow")
			synctest.Wait()
			post := v.start(t.Context(), "POST /login.php user=alice") // an attacker keeps the cookies
			<-post.done
			v.never("the sign-in", post)
			time.Sleep(3 * time.Second)
			second := v.start(t.Context(), "GET /page", "Referer: https://example.com/slow")
			<-first.done
			<-second.done
			v.never("the first page", first)
			v.never("the second page", second)
			for i := range 5 {
				time.Sleep(time.Second)
				f := v.start(t.Context(), "GET /page")
				<-f.done
				v.never(fmt.Sprint("a page after ", i+1, " s"), f)
			}
		})
	}
}

// TestAttack_LongForm_SignOutBeside: a form with a response that goes on, and of which a portion was
// released, signs alice in; a declared sign-out beside it shows whom it signs out.
func TestAttack_LongForm_SignOutBeside(t *testing.T) {
	attack(t, "sign-out", func(t *testing.T) {
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
			_, err := io.WriteString(rw, "goodbye "+secret(w.shop.user(r)))
			w.shop.commit(r, w.shop.id(r), "")
			return err
		}
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		v.open("POST /chat say=hello")
		time.Sleep(5 * time.Second)
		v.never("the sign-out", v.send("POST /logout x=1"))
	})
}
