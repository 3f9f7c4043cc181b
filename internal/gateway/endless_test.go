package gateway_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/store"
)

// endless serves a response without an end, a line each second, until the client or the
// gate ends it. It is late with its headers by that much.
func endless(s *shop, contentType string, late time.Duration) func(http.ResponseWriter, *http.Request) error {
	return func(rw http.ResponseWriter, r *http.Request) error {
		time.Sleep(late)
		rw.Header().Set("Content-Type", contentType)
		for {
			if _, err := io.WriteString(rw, "news for "+secret(s.user(r))+"\n"); err != nil {
				return err
			}
			if err := http.NewResponseController(rw).Flush(); err != nil {
				return err
			}
			select {
			case <-r.Context().Done():
				return r.Context().Err()
			case <-time.After(time.Second):
			}
		}
	}
}

// open opens a response that has no end; the browser leaves when the test is over.
func (v *visitor) open(line string) *flight {
	ctx, leave := context.WithCancel(v.w.t.Context())
	f := v.start(ctx, line)
	v.w.t.Cleanup(func() { leave(); <-f.done })
	return f
}

// goesOn reports whether more of the response arrives.
func goesOn(f *flight) bool {
	time.Sleep(time.Minute)
	before := len(f.text())
	time.Sleep(10 * time.Second)
	return len(f.text()) > before
}

// TestAttack_L2_EndlessResponses: a thief with the password of a user without a factor
// opened a response that has no end. It ends when the owner sets up a factor, and when the
// next configuration requires one, whatever its media type is.
func TestAttack_L2_EndlessResponses(t *testing.T) {
	for _, contentType := range []string{"text/event-stream", "application/x-ndjson", "multipart/x-mixed-replace; boundary=x"} {
		for name, change := range map[string]func(*world){
			"the owner sets up a factor": func(w *world) {
				st, key := w.g.Store.(*memory), store.UserKey{Realm: "shop", ID: "bob"}
				st.mu.Lock()
				st.users[key] = store.User{Key: key, TOTP: &store.TOTP{ID: "2"}}
				st.mu.Unlock()
				w.g.Visits.Tunnels.CloseUnproven(key) // as the own pages, import and staff do
			},
			"require always": func(w *world) {
				o := w.g.Options
				o.Required = true
				gateway.New(o)
				w.g.Stop()
			},
		} {
			attack(t, contentType+", "+name, func(t *testing.T) {
				w := newWorld(t, nil)
				_, f := w.readsNews(t, contentType)
				change(w)
				if goesOn(f) {
					t.Error("the response goes on")
				}
			})
		}
	}
}

// TestAttack_L2_LateHeaders: the same, where the portal sends the headers with the first event,
// and that comes after the change.
func TestAttack_L2_LateHeaders(t *testing.T) {
	for _, contentType := range []string{"text/event-stream", "application/x-ndjson"} {
		attack(t, contentType, func(t *testing.T) {
			w := newWorld(t, nil)
			w.shop.pages["/news"] = endless(w.shop, contentType, 20*time.Second)
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			f := v.open("GET /news")
			time.Sleep(3 * time.Second)
			o := w.g.Options
			o.Required = true
			gateway.New(o)
			w.g.Stop()
			time.Sleep(30 * time.Second)
			if goesOn(f) || strings.Contains(f.text(), secret("bob")) {
				t.Errorf("the response goes on: %.60s", f.text())
			}
		})
	}
}

// TestAttack_L3_OtherSiteOfRealm: two sites share a realm, and the first becomes stricter.
// Streams that were opened at it while the new configuration was read end with the old one.
func TestAttack_L3_OtherSiteOfRealm(t *testing.T) {
	for name, shared := range map[string]bool{"alone": false, "beside a site that stays lax": true} {
		attack(t, name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.shop.pages["/news"] = endless(w.shop, "text/event-stream", 0)
			lax := w.g.Options
			var other *gateway.Gateway
			if shared {
				other = gateway.New(lax)
			}
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			strict := lax
			strict.Required = true
			gateway.New(strict) // the next configuration is read
			if shared {
				gateway.New(lax)
			}
			f := v.open("GET /news") // the old one still serves
			time.Sleep(3 * time.Second)
			if !strings.Contains(f.text(), secret("bob")) {
				t.Fatal(f.text())
			}
			w.g.Stop()
			if shared {
				other.Stop()
			}
			synctest.Wait()
			if goesOn(f) {
				t.Error("the stream goes on")
			}
		})
	}
}

// TestAttack_L2_OtherNode: the owner sets up a factor at another node, which can't tell it to the others
// here. The thief's response goes on for `recheck` at most.
func TestAttack_L2_OtherNode(t *testing.T) {
	attack(t, "the owner sets up a factor", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/news"] = endless(w.shop, "application/x-ndjson", 0)
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		f := v.open("GET /news")
		if !goesOn(f) {
			t.Fatal(f.text())
		}
		st, key := w.g.Store.(*memory), store.UserKey{Realm: "shop", ID: "bob"}
		st.mu.Lock()
		st.users[key] = store.User{Key: key, TOTP: &store.TOTP{ID: "2"}}
		st.mu.Unlock()
		if goesOn(f) {
			t.Error("the response goes on")
		}
	})
}

// TestAttack_L2_OtherUsersFactor: bob's response goes on when another user sets up a factor.
func TestAttack_L2_OtherUsersFactor(t *testing.T) {
	attack(t, "carol", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/news"] = endless(w.shop, "application/x-ndjson", 0)
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		f := v.open("GET /news")
		time.Sleep(3 * time.Second)
		w.g.Visits.CloseUnproven(store.UserKey{Realm: "shop", ID: "carol"})
		if !goesOn(f) {
			t.Error("the response was cut off")
		}
	})
}

// TestAttack_L2_ClearanceRunsOut: a response that has no end, of whatever media type, does not
// outlive the clearance that it was opened under.
func TestAttack_L2_ClearanceRunsOut(t *testing.T) {
	attack(t, "life", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) { o.Session.Life = 10 * time.Minute })
		w.shop.pages["/news"] = endless(w.shop, "application/x-ndjson", 0)
		v := w.visitor()
		v.signIn("alice")
		v.pass("alice", "SID=x; Path=/")
		f := v.open("GET /news")
		if !goesOn(f) || !strings.Contains(f.text(), secret("alice")) {
			t.Fatalf("%.300s", f.text())
		}
		time.Sleep(10 * time.Minute)
		if goesOn(f) {
			t.Error("the response goes on")
		}
	})
}
