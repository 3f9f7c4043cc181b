package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/portal"
)

// TestAttack_QuestionSignsInBesideAnother: as TestAttack_Q1_QuestionSignsIn, while nothing is
// kept of the visit, and another request's question is on its way that read the session before.
func TestAttack_QuestionSignsInBesideAnother(t *testing.T) {
	attack(t, "question on its way", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) {
			o.Headers = portal.NewHeaders([]string{"Authorization"})
			o.Asker.Headers = o.Headers
		})
		basic := func(next func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
			return func(rw http.ResponseWriter, r *http.Request) error {
				if user, _, ok := r.BasicAuth(); ok {
					id := w.shop.id(r)
					if id == "" {
						id = "basic"
						r.Header.Set("Cookie", "SID=basic")
					}
					w.shop.commit(r, id, user)
				}
				return next(rw, r)
			}
		}
		w.shop.pages["/me"] = basic(func(rw http.ResponseWriter, r *http.Request) error {
			user := w.shop.user(r)
			if r.Header.Get("Referer") != "" {
				time.Sleep(3 * time.Second)
			}
			_, err := fmt.Fprintf(rw, `{"user":%q}`, user)
			return err
		})
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		v.send("GET /page")
		time.Sleep(2 * time.Minute) // what was kept is too old
		slow := v.start(t.Context(), "GET /page", "Referer: https://example.com/slow")
		synctest.Wait()
		f := v.start(t.Context(), "GET /page", "Authorization: Basic YWxpY2U6cHc=")
		<-f.done
		v.never("with the password", f)
		<-slow.done
		t.Log(slow.text())
		v.never("the slow page", slow)
		for i := range 10 {
			f := v.start(t.Context(), "GET /page")
			<-f.done
			v.never(fmt.Sprint("a page after ", i, " s"), f)
			time.Sleep(time.Second)
		}
	})
}

// TestAttack_WatchUnsafeBesideAll: two gates of one realm stand before parts of one portal, one
// with `watch unsafe`. A declared sign-in at the other is saved late, within settle. What is kept of
// strangers at the first, where their responses are not checked, must not outlive it.
func TestAttack_WatchUnsafeBesideAll(t *testing.T) {
	attack(t, "two gates", func(t *testing.T) {
		var first gateway.Options
		var sites [2]*world
		for i := range sites {
			sites[i] = newWorld(t, func(o *gateway.Options) {
				if i == 0 {
					first = *o
				}
				o.Path = []string{"/app/two-factor", "/shop/two-factor"}[i]
				o.Sealer, o.Store, o.Visits = first.Sealer, first.Store, first.Visits
				o.WatchUnsafe = i == 1
				o.Rules.SignIn, o.Rules.Fields = paths{"/app/enter"}, []string{"user"}
			})
		}
		shop := sites[0].shop
		sites[1].shop = shop
		shop.pages["/shop/cart"] = func(rw http.ResponseWriter, r *http.Request) error { shop.begin(rw, r); return nil }
		shop.pages["/app/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
			id := shop.begin(rw, r)
			time.AfterFunc(1500*time.Millisecond, func() { shop.commit(r, id, "alice") })
			_, err := io.WriteString(rw, "welcome")
			return err
		}
		v := sites[0].visitor()
		v.at(sites[0], "GET /shop/cart")
		time.Sleep(5 * time.Second)
		v.never("the sign-in", v.at(sites[0], "POST /app/enter user=alice"))
		v.never("within settle", v.at(sites[1], "GET /shop/page"))
		for i := range 6 {
			time.Sleep(5 * time.Second)
			v.never(fmt.Sprint("a page after ", 5*i+5, " s"), v.at(sites[1], "GET /shop/page"))
		}
	})
}

// TestAttack_UnsettledQuestionShared: as TestAttack_B7_OldQuestionShared, but the question began
// within settle of a declared sign-in that is saved late, and so after everything was forgotten.
func TestAttack_UnsettledQuestionShared(t *testing.T) {
	attack(t, "bob", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) { o.Rules.SignIn, o.Rules.Fields = paths{"/enter"}, []string{"user"} })
		w.shop.pages["/me"] = func(rw http.ResponseWriter, r *http.Request) error {
			user := w.shop.user(r)
			if r.Header.Get("Referer") != "" {
				time.Sleep(4 * time.Second) // a slow page, or one of many
			}
			_, err := fmt.Fprintf(rw, `{"user":%q}`, user)
			return err
		}
		w.shop.pages["/enter"] = w.shop.late(1500 * time.Millisecond)
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		v.never("the sign-in", v.send("POST /enter user=alice"))
		// Another language: nothing is kept of it.
		headers := []string{"Referer: https://example.com/slow", "Accept-Language: xx"}
		first := v.start(t.Context(), "GET /page", headers...)
		time.Sleep(3 * time.Second)
		second := v.start(t.Context(), "GET /page", headers...)
		<-second.done
		v.never("the second page", second)
		for i := range 5 {
			f := v.start(t.Context(), "GET /page", headers...)
			<-f.done
			v.never(fmt.Sprint("a page after ", i, " s"), f)
			time.Sleep(time.Second)
		}
		<-first.done
		v.never("the first page", first)
	})
}

// TestAttack_DeclaredSignInsBesidePage: as B12 with declared sign-ins only. The second one need not
// wait, because its client half-closes the connection, and the page need not wait for it, because an own
// page that is asked for with an own account's other session says that the visit may pass.
func TestAttack_DeclaredSignInsBesidePage(t *testing.T) {
	for _, tricks := range []bool{false, true} {
		attack(t, fmt.Sprint("tricks ", tricks), func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) {
				withPages(t, o)
				o.Rules.SignIn, o.Rules.Fields = paths{"/enter", "/slowenter"}, []string{"user"}
			})
			w.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
			w.shop.pages["/enter"] = w.shop.late(1500 * time.Millisecond)
			w.shop.pages["/slowenter"] = func(rw http.ResponseWriter, r *http.Request) error {
				time.Sleep(600 * time.Millisecond)
				w.shop.commit(r, w.shop.begin(rw, r), "bob")
				return nil
			}
			w.shop.pages["/slow"] = func(rw http.ResponseWriter, r *http.Request) error {
				time.Sleep(450 * time.Millisecond)
				_, err := io.WriteString(rw, "page "+secret(w.shop.user(r)))
				time.Sleep(200 * time.Millisecond)
				return err
			}
			bob := w.visitor()
			bob.signIn("bob")
			v := &visitor{w: w, address: bob.address}
			v.cookies = slices.DeleteFunc(slices.Clone(bob.cookies), func(c *http.Cookie) bool { return strings.Contains(c.Name, "-") })
			v.send("GET /cart")
			time.Sleep(5 * time.Second)
			began := time.Now()
			at := func(d time.Duration) { time.Sleep(time.Until(began.Add(d))) }
			v.never("the sign-in", v.send("POST /enter user=alice"))
			at(time.Second)
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			second := v.start(ctx, "POST /slowenter user=bob")
			synctest.Wait()
			if tricks {
				leave()
				synctest.Wait()
				f := bob.start(t.Context(), "GET /two-factor/challenge")
				<-f.done
			}
			at(1100 * time.Millisecond)
			page := v.start(t.Context(), "GET /slow")
			<-page.done
			<-second.done
			t.Log(page.text())
			v.never("the page", page)
		})
	}
}

// TestAttack_OwnPageSignsIn: a portal signs its session in by a declared header, and so by a
// question about it. An own page that is asked for with an own account's password, beside a declared
// sign-in of alice in the same session, must not make the sign-in's response that account's.
func TestAttack_OwnPageSignsIn(t *testing.T) {
	for _, line := range []string{"GET /page", "GET /two-factor/challenge"} {
		attack(t, line, func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) {
				withPages(t, o)
				o.Headers = portal.NewHeaders([]string{"Authorization"})
				o.Asker.Headers = o.Headers
				o.Rules.SignIn, o.Rules.Fields = paths{"/enter"}, []string{"user"}
			})
			w.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
			basic := func(next func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
				return func(rw http.ResponseWriter, r *http.Request) error {
					if user, _, ok := r.BasicAuth(); ok {
						id := w.shop.id(r)
						if id == "" {
							id = "basic"
							r.Header.Set("Cookie", "SID=basic")
						}
						w.shop.commit(r, id, user)
					}
					return next(rw, r)
				}
			}
			w.shop.pages["/me"] = basic(w.shop.whoami)
			w.shop.pages["/page"] = basic(func(rw http.ResponseWriter, r *http.Request) error {
				_, err := io.WriteString(rw, "page "+secret(w.shop.user(r)))
				return err
			})
			w.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
				w.shop.commit(r, w.shop.begin(rw, r), "alice")
				_, err := io.WriteString(rw, "welcome "+secret("alice"))
				time.Sleep(300 * time.Millisecond)
				return err
			}
			v := w.visitor()
			v.send("GET /cart")
			v.send("GET /page")
			time.Sleep(5 * time.Second)
			post := v.start(t.Context(), "POST /enter user=alice")
			time.Sleep(100 * time.Millisecond)
			v.start(t.Context(), line, "Authorization: Basic Ym9iOnB3") // bob:pw
			<-post.done
			t.Log(post.text())
			v.never("the sign-in", post)
			time.Sleep(time.Minute)
		})
	}
}

// TestAttack_SignInWithHeader: likewise, where the sign-in itself brings the header of an own
// account: the question about its response brings it too, and so signs that account in again.
func TestAttack_SignInWithHeader(t *testing.T) {
	for _, declared := range []bool{true, false} {
		for _, line := range []string{"POST /enter user=alice", "GET /magic?token=alice"} {
			attack(t, fmt.Sprintf("%s, declared %v", line, declared), func(t *testing.T) {
				w := newWorld(t, func(o *gateway.Options) {
					o.Headers = portal.NewHeaders([]string{"Authorization"})
					o.Asker.Headers = o.Headers
					if declared {
						o.Rules.SignIn, o.Rules.Fields = paths{"/enter", "/magic"}, []string{"user", "token"}
					}
				})
				w.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
				basic := func(next func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
					return func(rw http.ResponseWriter, r *http.Request) error {
						if user, _, ok := r.BasicAuth(); ok {
							id := w.shop.id(r)
							if id == "" {
								id = "basic"
								r.Header.Set("Cookie", "SID=basic")
							}
							w.shop.commit(r, id, user)
						}
						return next(rw, r)
					}
				}
				w.shop.pages["/me"] = basic(w.shop.whoami)
				enter := basic(func(rw http.ResponseWriter, r *http.Request) error {
					w.shop.commit(r, w.shop.begin(rw, r), "alice")
					_, err := io.WriteString(rw, "welcome "+secret("alice"))
					return err
				})
				w.shop.pages["/enter"], w.shop.pages["/magic"] = enter, func(rw http.ResponseWriter, r *http.Request) error {
					rw.Header().Add("Set-Cookie", "LAST=1; Path=/")
					return enter(rw, r)
				}
				v := w.visitor()
				v.send("GET /cart")
				v.send("GET /page")
				time.Sleep(5 * time.Second)
				f := v.send(line, "Authorization: Basic Ym9iOnB3") // bob:pw
				t.Log(f.text())
				v.never("the sign-in", f)
			})
		}
	}
}

// TestAttack_SignInWithParameter: as B26 with a declared parameter of the query.
func TestAttack_SignInWithParameter(t *testing.T) {
	attack(t, "auto", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) {
			o.Queries = []string{"auto"}
			o.Rules.SignIn, o.Rules.Fields = paths{"/enter"}, []string{"user"}
		})
		w.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
		auto := func(next func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
			return func(rw http.ResponseWriter, r *http.Request) error {
				if user := r.URL.Query().Get("auto"); user != "" {
					id := w.shop.id(r)
					if id == "" {
						id = "auto"
						r.Header.Set("Cookie", "SID=auto")
					}
					w.shop.commit(r, id, user)
				}
				return next(rw, r)
			}
		}
		w.shop.pages["/me"] = auto(w.shop.whoami)
		w.shop.pages["/enter"] = auto(func(rw http.ResponseWriter, r *http.Request) error {
			w.shop.commit(r, w.shop.begin(rw, r), "alice")
			_, err := io.WriteString(rw, "welcome "+secret("alice"))
			return err
		})
		v := w.visitor()
		v.send("GET /cart")
		v.send("GET /page")
		time.Sleep(5 * time.Second)
		f := v.send("POST /enter?auto=bob user=alice")
		t.Log(f.text())
		v.never("the sign-in", f)
	})
}
