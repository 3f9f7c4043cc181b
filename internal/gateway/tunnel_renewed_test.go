package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/store"
)

// TestTunnel_AfterSessionsEnded: bob once ended all his sessions, as by turning his second
// factor off. A page of today's session gives it another id, or sets its cookie once more, as
// portals do that let it live longer with each page. A tunnel of the session goes on, unless the
// cookie that the page set is sealed in the future: it can't be told then which session it is of.
func TestTunnel_AfterSessionsEnded(t *testing.T) {
	for _, how := range []string{"renew", "extend", "extend, never ended", "renew, clock set back"} {
		attack(t, how, func(t *testing.T) {
			ended := !strings.Contains(how, "never")
			var ahead atomic.Int64
			w := newWorld(t, func(o *gateway.Options) {
				o.Clock = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
				if ended {
					key := store.UserKey{Realm: "shop", ID: "bob"}
					o.Store.(*memory).users[key] = store.User{Key: key, SessionsEnded: time.Now().Add(-24 * time.Hour)}
				}
			})
			w.shop.pages["/socket"] = framed(w.shop)
			w.shop.pages["/renew"] = renews(w.shop, false)
			w.shop.pages["/extend"] = func(rw http.ResponseWriter, r *http.Request) error {
				rw.Header().Set("Set-Cookie", "SID="+w.shop.id(r)+w.shop.attributes)
				return nil
			}
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			v.send("GET /page")
			f := v.start(t.Context(), "GET /socket", "Upgrade: websocket", "Connection: Upgrade")
			synctest.Wait()
			time.Sleep(30 * time.Second)
			page, back, _ := strings.Cut(how, ", clock")
			page, _, _ = strings.Cut(page, ",")
			if back != "" {
				ahead.Store(int64(time.Hour))
			}
			v.send("GET /" + page)
			ahead.Store(0)
			w.idle(3 * time.Minute)
			if open := f.open(); open != (back == "") {
				t.Errorf("the tunnel is open: %v", open)
			}
			f.tunnel.Close()
			<-f.done
		})
	}
}

// TestAttack_L5_OldSessionThatOutlivesTheBrowser: as TestAttack_L5_OldSessionLivesOn, at a portal
// with a session that outlives the browser, and which sets a token against forged forms that does not.
func TestAttack_L5_OldSessionThatOutlivesTheBrowser(t *testing.T) {
	for _, how := range []string{"late", "slow", "link", "late, no token", "link, no token"} {
		attack(t, how, func(t *testing.T) {
			how, token, _ := strings.Cut(how, ", ")
			w := newWorld(t, nil)
			w.shop.attributes = "; Path=/; Max-Age=1209600"
			w.shop.pages["/socket"] = func(rw http.ResponseWriter, r *http.Request) error {
				rw.WriteHeader(http.StatusSwitchingProtocols)
				c, _, err := http.NewResponseController(rw).Hijack()
				if err != nil {
					return err
				}
				defer c.Close()
				for r.Context().Err() == nil {
					time.Sleep(time.Second)
					if _, err := io.WriteString(c, "news for "+secret(w.shop.user(r))+"\n"); err != nil {
						return err
					}
				}
				return nil
			}
			n := 0
			w.shop.pages["/renew"] = func(rw http.ResponseWriter, r *http.Request) error {
				err := renews(w.shop, true)(rw, r)
				if n++; token != "" {
					return err
				}
				rw.Header().Add("Set-Cookie", fmt.Sprintf("csrf=%d; Path=/", n))
				return err
			}
			w.shop.pages["/late"] = w.shop.late(time.Second)
			w.shop.pages["/slow"] = func(rw http.ResponseWriter, r *http.Request) error {
				w.shop.commit(r, w.shop.begin(rw, r), "alice")
				time.Sleep(10 * time.Second)
				_, err := io.WriteString(rw, "welcome")
				return err
			}
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			v.send("GET /renew")
			time.Sleep(5 * time.Second)
			v.send("GET /page")
			old := w.visitor()
			old.cookies = slices.Clone(v.cookies)
			f := v.start(t.Context(), "GET /socket", "Upgrade: websocket", "Connection: Upgrade")
			synctest.Wait()
			v.send("GET /renew")
			time.Sleep(5 * time.Second)
			v.send("GET /page")
			var in *flight
			if how == "late" {
				in = old.send("POST /late user=alice")
			} else if how == "slow" {
				in = old.start(t.Context(), "POST /slow user=alice")
			} else {
				in = old.start(t.Context(), "GET /slow")
			}
			for i := range 80 {
				v.send("GET /page")
				w.idle(5 * time.Second)
				if how == "link" && i == 14 { // documented: what a link signs in is shown until recheck
					f.mu.Lock()
					f.body.Reset()
					f.mu.Unlock()
				}
			}
			<-in.done
			v.never("the sign-in", in)
			if got := f.text(); strings.Contains(got, secret("alice")) {
				t.Errorf("the tunnel showed alice's %d times", strings.Count(got, secret("alice")))
			}
			f.tunnel.Close()
			<-f.done
		})
	}
}

// TestTunnel_OldTokenIsNotShown: the portal renews a session by a token of a remembered sign-in,
// which it replaces, and forgets the old id. It takes the old token for a stolen one.
func TestTunnel_OldTokenIsNotShown(t *testing.T) {
	attack(t, "both renewed", func(t *testing.T) {
		w := newWorld(t, nil)
		token, stolen := 0, 0
		keep := func(rw http.ResponseWriter) {
			token++
			rw.Header().Add("Set-Cookie", fmt.Sprintf("stay=%d; Path=/; Max-Age=1209600", token))
		}
		w.shop.pages["/socket"] = framed(w.shop)
		w.shop.pages["/stay"] = func(rw http.ResponseWriter, _ *http.Request) error {
			keep(rw)
			return nil
		}
		w.shop.pages["/renew"] = func(rw http.ResponseWriter, r *http.Request) error {
			err := renews(w.shop, false)(rw, r)
			keep(rw)
			return err
		}
		w.shop.pages["/me"] = func(rw http.ResponseWriter, r *http.Request) error {
			if c, err := r.Cookie("stay"); err == nil && c.Value != fmt.Sprint(token) {
				stolen++
			}
			return w.shop.whoami(rw, r)
		}
		v := w.visitor()
		v.signIn("bob")
		v.send("GET /stay")
		time.Sleep(5 * time.Second)
		v.send("GET /page")
		f := v.start(t.Context(), "GET /socket", "Upgrade: websocket", "Connection: Upgrade")
		synctest.Wait()
		for range 3 {
			v.send("GET /renew")
			w.idle(3 * time.Minute)
		}
		if stolen > 0 {
			t.Errorf("the portal saw an old token %d times", stolen)
		}
		if !f.open() {
			t.Error("the tunnel was closed")
		}
		f.tunnel.Close()
		<-f.done
	})
}
