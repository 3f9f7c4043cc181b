package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/gateway/spool"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/session"
)

// TestAttack_H2_ForgottenVisit: a portal saves a sign-in within settle of its response. The
// visit stays unsettled, however many others are begun meanwhile.
func TestAttack_H2_ForgottenVisit(t *testing.T) {
	attack(t, "forgotten", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/late"] = func(rw http.ResponseWriter, r *http.Request) error {
			id := w.shop.begin(rw, r)
			time.AfterFunc(1500*time.Millisecond, func() { w.shop.commit(r, id, "alice") })
			return nil
		}
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		v.send("POST /late user=alice")
		time.Sleep(time.Millisecond)
		for range 20000 { // as requests with made-up tokens do
			token := session.NewToken()
			w.g.Visits.Get("shop", token.ID(), token).Release()
		}
		v.send("GET /page")
		time.Sleep(2 * time.Second)
		v.never("a page", v.send("GET /page"))
	})
}

// TestAttack_C_MovedVisitForgotten: a request that was sent before a visit moved to a fresh
// token, and may change who is signed in, is seen by the visit's next requests, however many
// other visits are begun meanwhile.
func TestAttack_C_MovedVisitForgotten(t *testing.T) {
	for _, crowd := range []int{0, 100000} {
		attack(t, fmt.Sprint(crowd), func(t *testing.T) {
			w := newWorld(t, nil)
			answer := make(chan bool)
			w.shop.pages["/magic"] = func(rw http.ResponseWriter, r *http.Request) error {
				id := w.shop.begin(rw, r)
				<-answer
				w.shop.commit(r, id, "alice")
				rw.Header().Set("Location", "/page")
				rw.WriteHeader(http.StatusFound)
				return nil
			}
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			link := v.start(t.Context(), "GET /magic?token=alice")
			synctest.Wait()
			move(w, v)
			if f := v.send("GET /page"); !strings.Contains(f.text(), secret("bob")) {
				t.Fatal(f.text())
			}
			time.Sleep(time.Millisecond)
			for range crowd {
				token := session.NewToken()
				w.g.Visits.Get("shop", token.ID(), token).Release()
			}
			if f := v.send("GET /page"); !strings.Contains(f.text(), secret("bob")) {
				t.Fatal(f.text())
			}
			close(answer)
			<-link.done
			v.never("the link", link)
			for range 5 {
				v.never("a page", v.send("GET /page"))
				time.Sleep(time.Second)
			}
		})
	}
}

// move moves the visitor's visit to a fresh token, as a right code does.
func move(w *world, v *visitor) {
	names := portal.NamesFor("shop", false)
	var pairs []string
	var old session.Token
	for _, c := range v.cookies {
		pairs = append(pairs, c.Name+"="+c.Value)
		if c.Name == names.Visit {
			old = session.Token(c.Value)
		}
	}
	now := time.Now()
	rc, err := portal.Read([]string{strings.Join(pairs, "; ")}, names, "example.com", w.g.CookiePolicy)
	if err != nil {
		w.t.Fatal(err)
	}
	jar, _ := rc.Open(w.g.Sealer.Keys("example.com", string(old)), now, now.Add(-time.Hour))
	visit := w.g.Visits.Find("shop", old.ID())
	defer visit.Release()
	token := session.NewToken()
	w.g.Visits.Forget("shop", old.ID())
	w.g.Visits.Move(visit, token)
	wr := portal.Writer{Keys: w.g.Sealer.Keys("example.com", string(token)), Names: names, Now: now, MaxLife: session.MaxCookieLife}
	v.cookies = nil
	for _, line := range append(wr.All(jar), wr.Visit(string(token), time.Time{})) {
		c, _ := http.ParseSetCookie(line)
		v.set(c.Name, c.Value, false)
	}
}

// TestAttack_Q1_QuestionSignsIn: a portal signs its session in by a declared header, wherever
// that is sent, and so by a question about it. What was known of the visit's cookies before is
// not believed any longer.
func TestAttack_Q1_QuestionSignsIn(t *testing.T) {
	for _, own := range []string{"", "bob"} {
		for _, unknown := range []bool{false, true} {
			attack(t, fmt.Sprintf("own account %q, no answer %v", own, unknown), func(t *testing.T) {
				w := newWorld(t, func(o *gateway.Options) {
					o.Headers = portal.NewHeaders([]string{"Authorization"})
					o.Asker.Headers = o.Headers
				})
				basic := func(next func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
					return func(rw http.ResponseWriter, r *http.Request) error {
						if user, _, ok := r.BasicAuth(); ok {
							if id := w.shop.id(r); id != "" {
								w.shop.commit(r, id, user)
							} else {
								r.Header.Set("Cookie", "SID=basic")
								w.shop.commit(r, "basic", user)
							}
						}
						return next(rw, r)
					}
				}
				w.shop.pages["/me"] = basic(func(rw http.ResponseWriter, r *http.Request) error {
					if unknown && r.Header.Get("X-Odd") != "" {
						rw.WriteHeader(http.StatusNotAcceptable)
						return nil
					}
					return w.shop.whoami(rw, r)
				})
				w.shop.pages["/page"] = basic(func(rw http.ResponseWriter, r *http.Request) error {
					_, err := io.WriteString(rw, "page "+secret(w.shop.user(r)))
					return err
				})
				v := w.visitor()
				v.signIn(own)
				time.Sleep(5 * time.Second)
				if f := v.send("GET /page"); !strings.Contains(f.text(), secret(own)) {
					t.Fatal(f.text())
				}
				f := v.start(t.Context(), "GET /page", "Authorization: Basic YWxpY2U6cHc=", "X-Odd: 1")
				<-f.done // an attacker keeps the cookies that the response takes out
				v.never("with the password", f)
				for range 10 {
					v.never("a page", v.send("GET /page"))
					time.Sleep(time.Second)
				}
			})
		}
	}
}

// TestAttack_Q1_QuestionRemembers: a remember-me cookie signs the session in to which it is
// sent, and so does a question with both. Under `watch unsafe` the session is not believed to
// be a stranger's any longer.
func TestAttack_Q1_QuestionRemembers(t *testing.T) {
	attack(t, "remember", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) {
			o.WatchUnsafe, o.Rules.SignIn, o.Rules.Fields = true, paths{"/enter"}, []string{"user"}
		})
		remember := func(next func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
			return func(rw http.ResponseWriter, r *http.Request) error {
				if c, err := r.Cookie("REM"); err == nil && w.shop.id(r) != "" && w.shop.user(r) == "" {
					w.shop.commit(r, w.shop.id(r), strings.TrimPrefix(c.Value, "remember-"))
				}
				return next(rw, r)
			}
		}
		w.shop.pages["/me"] = remember(w.shop.whoami)
		w.shop.pages["/page"] = remember(func(rw http.ResponseWriter, r *http.Request) error {
			w.shop.begin(rw, r)
			_, err := io.WriteString(rw, "page "+secret(w.shop.user(r)))
			return err
		})
		w.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
			rw.Header().Add("Set-Cookie", "REM=remember-"+r.FormValue("user")+"; Path=/; Max-Age=3600")
			return nil
		}
		v := w.visitor()
		v.send("GET /page")
		visit := slices.DeleteFunc(slices.Clone(v.cookies), func(c *http.Cookie) bool { return strings.Contains(c.Name, "-") })
		first := slices.Clone(v.cookies)
		v.never("the sign-in", v.send("POST /enter user=alice"))
		remembered := slices.DeleteFunc(slices.Clone(v.cookies), func(c *http.Cookie) bool {
			return slices.ContainsFunc(first, func(o *http.Cookie) bool { return o.Name == c.Name })
		})
		if len(remembered) != 1 {
			t.Fatal(v.cookies)
		}
		time.Sleep(5 * time.Second)
		v.cookies = visit
		v.send("GET /page") // another session begins
		v.send("GET /page") // a stranger's
		second := slices.Clone(v.cookies)
		v.cookies = append(v.cookies, remembered...)
		f := v.start(t.Context(), "GET /page")
		<-f.done
		v.never("remembered", f)
		v.cookies = second
		for range 5 {
			f := v.start(t.Context(), "GET /page")
			<-f.done
			v.never("a page", f)
			time.Sleep(time.Second)
		}
	})
}

// TestAttack_G2_PortionBeforeRenewal: an undeclared sign-in, in the visit of an own account,
// renews the session and saves it at the end. No portion of its response is released by what
// whoami says of the new session before that.
func TestAttack_G2_PortionBeforeRenewal(t *testing.T) {
	for name, c := range map[string]struct {
		line          string
		rotates, slow bool
	}{
		"a slow link": {"GET /enter?token=1", false, true}, "a long link without room": {"GET /enter?token=1", false, false},
		"a slow form, rotates": {"POST /enter user=alice", true, true}, "a long form, rotates": {"POST /enter user=alice", true, false},
		"a slow form": {"POST /enter user=alice", false, true},
	} {
		attack(t, name, func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) {
				if o.Rotates = c.rotates; !c.slow {
					o.Visits.Bodies, o.Visits.Uploads = &spool.Budget{}, &spool.Budget{}
				}
			})
			w.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
				rw.Header().Add("Set-Cookie", "SID=renewed; Path=/")
				_, err := io.WriteString(rw, "welcome "+secret("alice"))
				if c.slow {
					_ = http.NewResponseController(rw).Flush()
					time.Sleep(25 * time.Second)
				} else {
					_, err = io.WriteString(rw, strings.Repeat(" ", 100<<10))
				}
				w.shop.commit(r, "renewed", "alice")
				return err
			}
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			if f := v.send(c.line); strings.Contains(f.text(), secret("alice")) {
				t.Errorf("alice's page went out: %.100s", f.text())
			}
		})
	}
}
