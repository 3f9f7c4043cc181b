package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/userpages"
)

// TestAttack_WaitEndsWithClient: a stranger's sign-out waits for a sign-in that is saved late.
// A client that half-closes its connection ends the wait, and still reads the response.
func TestAttack_WaitEndsWithClient(t *testing.T) {
	for _, leaves := range []bool{false, true} {
		attack(t, fmt.Sprint("leaves ", leaves), func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) {
				o.Rules.SignIn, o.Rules.Fields, o.Rules.SignOut = paths{"/enter"}, []string{"user"}, paths{"/logout"}
			})
			w.shop.pages["/enter"] = w.shop.late(1500 * time.Millisecond)
			w.shop.pages["/logout"] = w.shop.goodbye
			v := w.visitor()
			v.signIn("")
			time.Sleep(5 * time.Second)
			began := time.Now()
			v.never("the sign-in", v.send("POST /enter user=alice"))
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			f := v.start(ctx, "POST /logout a=b")
			time.Sleep(time.Until(began.Add(1490 * time.Millisecond)))
			if leaves {
				leave()
			}
			<-f.done
			t.Log(f.text())
			v.never("the sign-out", f)
		})
	}
}

// TestAttack_AnonymousHalf: a visit has an own account's session below whoami's path and a
// stranger's elsewhere: together that account's, and its responses are not checked. What is known of the
// stranger's half is believed no longer than what is known of a user: `recheck`.
func TestAttack_AnonymousHalf(t *testing.T) {
	for _, recheck := range []time.Duration{time.Minute, time.Nanosecond} {
		attack(t, fmt.Sprint(recheck), func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) {
				if o.Recheck = recheck; recheck < time.Second {
					o.Recheck = 0
				}
			}, "/account/me")
			w.shop.attributes = ""
			w.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
			w.shop.pages["/magic"] = func(rw http.ResponseWriter, r *http.Request) error {
				w.shop.commit(r, w.shop.id(r), "alice")
				_, err := io.WriteString(rw, "welcome")
				return err
			}
			v := w.visitor()
			v.send("GET /cart")
			both := slices.Clone(v.cookies)
			v.cookies = slices.DeleteFunc(v.cookies, func(c *http.Cookie) bool { return strings.Contains(c.Name, "-") })
			if f := v.send("POST /account/login.php user=bob"); !strings.Contains(f.text(), secret("bob")) {
				t.Fatal(f.text())
			}
			for _, c := range v.cookies {
				if !slices.ContainsFunc(both, func(o *http.Cookie) bool { return o.Name == c.Name }) {
					both = append(both, c)
				}
			}
			v.cookies = both
			time.Sleep(5 * time.Second)
			f := v.start(t.Context(), "GET /page")
			<-f.done
			if !strings.Contains(f.text(), secret("")) {
				t.Fatal(f.text())
			}
			f = v.start(t.Context(), "GET /magic?token=alice")
			<-f.done
			t.Log(f.text())
			time.Sleep(recheck + time.Second)
			for i := range 12 {
				f = v.start(t.Context(), "GET /page")
				<-f.done
				v.never(fmt.Sprint("a page ", recheck+time.Second+time.Duration(i)*10*time.Second, " after the link"), f)
				time.Sleep(10 * time.Second)
			}
		})
	}
}

// TestAttack_AnonymousHalfOverLateSignIn: likewise, over a sign-in by form that is saved within
// settle: an answer that is kept in that time for the stranger's half must not outlive it either.
func TestAttack_AnonymousHalfOverLateSignIn(t *testing.T) {
	for _, declared := range []bool{false, true} {
		attack(t, fmt.Sprint("declared ", declared), func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) {
				withPages(t, o)
				if declared {
					o.Rules.SignIn, o.Rules.Fields = paths{"/late"}, []string{"user"}
				}
			}, "/account/me")
			w.shop.attributes = ""
			w.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
			w.shop.pages["/late"] = func(rw http.ResponseWriter, r *http.Request) error {
				id := w.shop.id(r)
				time.AfterFunc(1500*time.Millisecond, func() { w.shop.commit(r, id, "alice") })
				_, err := io.WriteString(rw, "welcome")
				return err
			}
			v := w.visitor()
			v.send("GET /cart")
			both := slices.Clone(v.cookies)
			v.cookies = slices.DeleteFunc(v.cookies, func(c *http.Cookie) bool { return strings.Contains(c.Name, "-") })
			v.send("POST /account/login.php user=bob")
			for _, c := range v.cookies {
				if !slices.ContainsFunc(both, func(o *http.Cookie) bool { return o.Name == c.Name }) {
					both = append(both, c)
				}
			}
			v.cookies = both
			time.Sleep(5 * time.Second)
			began := time.Now()
			for _, line := range []string{"POST /late user=alice", "GET /two-factor/challenge"} {
				headers := []string{"Accept-Language: xx"}
				if strings.HasPrefix(line, "POST") {
					headers = nil
				}
				f := v.start(t.Context(), line, headers...)
				<-f.done
				v.never(line, f)
				t.Log(line, f.text())
			}
			for range 18 {
				time.Sleep(10 * time.Second)
				f := v.start(t.Context(), "GET /page", "Accept-Language: xx")
				<-f.done
				v.never(fmt.Sprint("a page after ", time.Since(began).Round(time.Second)), f)
			}
		})
	}
}

// withPages gives a gateway own pages.
func withPages(t *testing.T, o *gateway.Options) {
	t.Helper()
	ring, err := keys.Parse(keys.Generate())
	if err != nil {
		t.Fatal(err)
	}
	o.State, err = userpages.NewState("shop", ring.Derive("web mac", 32), ring.Derive("web cookie", 32), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	o.Pages, err = userpages.New(userpages.Options{Path: "/two-factor", Realm: "shop", Factors: &givenCodes{}, Store: o.Store, State: o.State, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
}
