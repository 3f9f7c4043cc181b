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
)

// TestAttack_L5_TunnelOfAnotherSession: a visit has two sessions of an own account. A tunnel
// stands on the first; alice is signed in there, and meanwhile the visit's requests carry the
// second. What is asked about the tunnel is asked about the session that it was opened with.
func TestAttack_L5_TunnelOfAnotherSession(t *testing.T) {
	for _, how := range []string{"late", "slow", "frame"} {
		for _, second := range []bool{false, true} {
			attack(t, how+map[bool]string{true: ", second session"}[second], func(t *testing.T) {
				w := newWorld(t, nil)
				w.shop.pages["/late"] = w.shop.late(time.Second)
				w.shop.pages["/slow"] = func(rw http.ResponseWriter, r *http.Request) error {
					w.shop.commit(r, w.shop.begin(rw, r), "alice")
					time.Sleep(4 * time.Second)
					_, err := io.WriteString(rw, "welcome")
					return err
				}
				w.shop.pages["/socket"] = func(rw http.ResponseWriter, r *http.Request) error {
					rw.WriteHeader(http.StatusSwitchingProtocols)
					c, _, err := http.NewResponseController(rw).Hijack()
					if err != nil {
						return err
					}
					defer c.Close()
					id := w.shop.id(r)
					go func() {
						buf := make([]byte, 64)
						if n, _ := c.Read(buf); n > 0 {
							w.shop.commit(r, id, "alice")
						}
					}()
					for r.Context().Err() == nil {
						time.Sleep(time.Second)
						w.shop.mu.Lock()
						user := w.shop.users[id]
						w.shop.mu.Unlock()
						if _, err := io.WriteString(c, "news for "+secret(user)+"\n"); err != nil {
							return err
						}
					}
					return nil
				}
				v := w.visitor()
				v.signIn("bob")
				one := slices.Clone(v.cookies)
				other := v
				if second {
					other = w.visitor()
					other.cookies = one[:1:1] // the visit's only
					if other.cookies[0].Name != "sg.6tkeqhey" {
						other.cookies = one[1:]
					}
					other.signIn("bob")
				}
				time.Sleep(5 * time.Second)
				v.send("GET /page")
				other.send("GET /page")
				f := v.start(t.Context(), "GET /socket", "Upgrade: websocket", "Connection: Upgrade")
				time.Sleep(3 * time.Second)
				synctest.Wait()
				if f.tunnel == nil {
					t.Fatal(f.text())
				}
				var signIn *flight
				if how == "frame" {
					if _, err := io.WriteString(f.tunnel, "login alice"); err != nil {
						t.Fatal(err)
					}
				} else {
					signIn = v.start(t.Context(), "POST /"+how+" user=alice")
				}
				synctest.Wait()
				for i := range 240 {
					if second {
						other.send("GET /page")
					}
					time.Sleep(time.Second)
					if i%5 == 0 {
						w.g.Visits.Tunnels.AskDue(time.Now()) // as visits.Table.Run does
					}
					if i == 70 {
						if how != "frame" { // documented: a sign-in inside a frame is shown until recheck
							v.never("the tunnel", f)
						}
						f.mu.Lock()
						f.body.Reset()
						f.mu.Unlock()
					}
				}
				v.never("the tunnel, later than recheck", f)
				if signIn != nil {
					<-signIn.done
					v.never("the sign-in", signIn)
				}
				f.tunnel.Close()
				<-f.done
			})
		}
	}
}

// renews gives the request's session another id, under which the user is signed in, too. The
// old id lives on where lives says so.
func renews(s *shop, lives bool) func(http.ResponseWriter, *http.Request) error {
	return func(rw http.ResponseWriter, r *http.Request) error {
		id := s.id(r)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.begun++
		next := fmt.Sprint("id", s.begun)
		s.users[next] = s.users[id]
		if !lives {
			delete(s.users, id)
		}
		rw.Header().Set("Set-Cookie", "SID="+next+s.attributes)
		return nil
	}
}

// idle lets time pass, and has tunnels asked about as visits.Table.Run does.
func (w *world) idle(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(5 * time.Second)
		w.g.Visits.Tunnels.AskDue(time.Now())
		synctest.Wait()
	}
}

// open reports whether a line through a tunnel of framed is answered.
func (f *flight) open() bool {
	before := len(f.text())
	go io.WriteString(f.tunnel, "show\n") //nolint:errcheck // the test looks for the answer
	time.Sleep(5 * time.Second)
	return len(f.text()) > before
}

// TestTunnel_FollowsRenewals: a page, a question or a response that was held back renews the
// session. The tunnel stands on the renewed one, and goes on.
func TestTunnel_FollowsRenewals(t *testing.T) {
	for _, lives := range []bool{false, true} {
		for _, how := range []string{"page", "question", "asset"} {
			attack(t, fmt.Sprintf("%s, old id lives on %v", how, lives), func(t *testing.T) {
				w := newWorld(t, nil)
				w.shop.pages["/socket"] = framed(w.shop)
				w.shop.pages["/renew"] = renews(w.shop, lives)
				renew := false
				w.shop.pages["/me"] = func(rw http.ResponseWriter, r *http.Request) error {
					if renew && w.shop.user(r) != "" {
						renew = false
						_ = renews(w.shop, lives)(rw, r)
						rw.WriteHeader(http.StatusOK)
						_, err := io.WriteString(rw, `{"user":"bob"}`)
						return err
					}
					return w.shop.whoami(rw, r)
				}
				v := w.visitor()
				v.signIn("bob")
				time.Sleep(5 * time.Second)
				v.send("GET /page")
				f := v.start(t.Context(), "GET /socket", "Upgrade: websocket", "Connection: Upgrade")
				synctest.Wait()
				for range 20 {
					switch how {
					case "page":
						v.send("GET /renew")
					case "asset":
						time.Sleep(61 * time.Second) // the answer ran out
						renew = true
						v.send("GET /style.css")
						v.send("GET /other.css")
					case "question": // and another, before the browser has the new cookie
						renew = true
						w.idle(70 * time.Second)
						renew = true
					}
					w.idle(70 * time.Second)
					if page := v.send("GET /page"); !strings.Contains(page.text(), secret("bob")) {
						t.Fatalf("the page: %s", page.text())
					}
				}
				if !f.open() {
					t.Error("the tunnel was closed")
				}
				f.tunnel.Close()
				<-f.done
			})
		}
	}
}

// TestAttack_L5_OldSessionLivesOn: a portal renews a session and leaves the old one alive. A
// tunnel stands on the old one, in which alice is signed in late.
func TestAttack_L5_OldSessionLivesOn(t *testing.T) {
	attack(t, "late", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/socket"] = framed(w.shop)
		w.shop.pages["/renew"] = renews(w.shop, true)
		w.shop.pages["/late"] = w.shop.late(time.Second)
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		old := w.visitor()
		old.cookies = slices.Clone(v.cookies)
		f := v.start(t.Context(), "GET /socket", "Upgrade: websocket", "Connection: Upgrade")
		synctest.Wait()
		v.send("GET /renew")
		v.send("GET /page")
		old.send("POST /late user=alice")
		for range 20 {
			go io.WriteString(f.tunnel, "show\n") //nolint:errcheck // it is cut off
			v.send("GET /page")
			w.idle(5 * time.Second)
		}
		v.never("the tunnel", f)
		f.tunnel.Close()
		<-f.done
	})
}

// TestTunnel_RenewalOfAnotherSession: what a question about a tunnel set is not given to a
// browser that has another session's cookie by now.
func TestTunnel_RenewalOfAnotherSession(t *testing.T) {
	attack(t, "two sessions", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/socket"] = framed(w.shop)
		w.shop.pages["/which"] = func(rw http.ResponseWriter, r *http.Request) error {
			_, err := io.WriteString(rw, "session "+w.shop.id(r))
			return err
		}
		v := w.visitor()
		v.signIn("bob")
		other := w.visitor()
		other.cookies = slices.DeleteFunc(slices.Clone(v.cookies), func(c *http.Cookie) bool { return c.Name != "sg.6tkeqhey" })
		other.signIn("bob")
		time.Sleep(5 * time.Second)
		first := v.send("GET /which").text()
		w.shop.pages["/me"] = func(rw http.ResponseWriter, r *http.Request) error {
			if strings.HasSuffix(first, "session "+w.shop.id(r)+"\n") {
				_ = renews(w.shop, true)(rw, r)
			}
			return w.shop.whoami(rw, r)
		}
		f := v.start(t.Context(), "GET /socket", "Upgrade: websocket", "Connection: Upgrade")
		synctest.Wait()
		want := other.send("GET /which").text()
		w.idle(3 * time.Minute)
		if got := other.send("GET /which"); !strings.Contains(got.text(), want[strings.Index(want, "session"):]) {
			t.Errorf("%s; it was %s", got.text(), want)
		}
		f.tunnel.Close()
		<-f.done
	})
}
