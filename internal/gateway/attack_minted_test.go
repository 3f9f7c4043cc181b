package gateway_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestAttack_L1_MintedIsUnsettled: a declared sign-in that comes without a visit begins one.
// The portal commits it within settle after its response. What that visit asks for is
// checked under `watch unsafe` too, whatever headers the sign-in had.
func TestAttack_L1_MintedIsUnsettled(t *testing.T) {
	for name, headers := range map[string][]string{
		"ordinary headers":  nil,
		"an unusual header": {"X-Client: web"},
	} {
		for _, unsafe := range []bool{false, true} {
			attack(t, name+map[bool]string{true: ", watch unsafe"}[unsafe], func(t *testing.T) {
				w := newWorld(t, func(o *gateway.Options) {
					o.WatchUnsafe, o.Rules.SignIn, o.Rules.Fields = unsafe, paths{"/late"}, []string{"user"}
				})
				w.shop.pages["/late"] = func(rw http.ResponseWriter, r *http.Request) error {
					id := w.shop.begin(rw, r)
					time.AfterFunc(1000*time.Millisecond, func() { w.shop.commit(r, id, "alice") })
					_, err := io.WriteString(rw, "welcome")
					return err
				}
				v := w.visitor()
				v.never("the sign-in", v.send("POST /late user=alice", headers...))
				for range 20 {
					v.never("a page", v.send("GET /page"))
					time.Sleep(100 * time.Millisecond)
				}
				v.never("a page later", v.send("GET /page"))
			})
		}
	}
}

// TestAttack_L1_MintedSignInWaits: the next sign-in of the visit waits for the one that began
// it, which is saved late. Else the second overwrites the first after a page was rendered for
// it, and the question about that page names the second.
func TestAttack_L1_MintedSignInWaits(t *testing.T) {
	for name, headers := range map[string][]string{
		"ordinary headers":  nil,
		"an unusual header": {"X-Client: web"},
	} {
		attack(t, name, func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) {
				o.Rules.SignIn, o.Rules.Fields = paths{"/late"}, []string{"user"}
			})
			w.shop.pages["/late"] = func(rw http.ResponseWriter, r *http.Request) error {
				id := w.shop.begin(rw, r)
				user := r.FormValue("user")
				time.AfterFunc(time.Second, func() { w.shop.commit(r, id, user) })
				_, err := io.WriteString(rw, "welcome")
				return err
			}
			w.shop.pages["/report"] = func(rw http.ResponseWriter, r *http.Request) error {
				_, err := io.WriteString(rw, "report "+secret(w.shop.user(r)))
				time.Sleep(300 * time.Millisecond)
				return err
			}
			v := w.visitor()
			v.never("the sign-in", v.send("POST /late user=alice", headers...))
			bob := v.start(t.Context(), "POST /late user=bob")
			time.Sleep(810 * time.Millisecond) // alice is signed in since 60 ms, bob will be in 190
			v.never("a page beside", v.send("GET /report"))
			<-bob.done
			v.never("the second sign-in", bob)
		})
	}
}

// TestAttack_L1_MintedFormActs: a form of the visit that a late sign-in began is not sent on
// as a stranger's for longer than settle.
func TestAttack_L1_MintedFormActs(t *testing.T) {
	for name, headers := range map[string][]string{
		"ordinary headers":  nil,
		"an unusual header": {"X-Client: web"},
	} {
		attack(t, name, func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) {
				o.WatchUnsafe, o.Rules.SignIn, o.Rules.Fields = true, paths{"/late"}, []string{"user"}
			})
			w.shop.pages["/late"] = func(rw http.ResponseWriter, r *http.Request) error {
				id := w.shop.begin(rw, r)
				time.AfterFunc(time.Second, func() { w.shop.commit(r, id, "alice") })
				_, err := io.WriteString(rw, "welcome")
				return err
			}
			acted := ""
			w.shop.pages["/transfer"] = func(rw http.ResponseWriter, r *http.Request) error {
				acted += w.shop.user(r)
				return nil
			}
			v := w.visitor()
			v.send("POST /late user=alice", headers...)
			v.send("GET /page")
			time.Sleep(30 * time.Second)
			if v.send("POST /transfer to=mallory"); acted != "" {
				t.Errorf("a form was carried out as %s, 30 s after the sign-in", acted)
			}
		})
	}
}

// TestAttack_L1_ReloadedFormIsUnsettled: the same, where the question about the sign-in sets
// another cookie and the browser is sent to the form once more.
func TestAttack_L1_ReloadedFormIsUnsettled(t *testing.T) {
	attack(t, "reloaded", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) {
			o.WatchUnsafe, o.Rules.SignIn, o.Rules.Fields = true, paths{"/late"}, []string{"user"}
			o.Rules.Forms, o.Rules.SignInPage = []string{"/form"}, "/form"
		})
		w.shop.pages["/late"] = func(rw http.ResponseWriter, r *http.Request) error {
			id := w.shop.begin(rw, r)
			time.AfterFunc(1000*time.Millisecond, func() { w.shop.commit(r, id, "alice") })
			_, err := io.WriteString(rw, "welcome")
			return err
		}
		seen := 0
		w.shop.pages["/me"] = func(rw http.ResponseWriter, r *http.Request) error {
			seen++
			rw.Header().Add("Set-Cookie", "last_seen="+string(rune('a'+seen))+"; Path=/")
			return w.shop.whoami(rw, r)
		}
		v := w.visitor()
		f := v.send("POST /late user=alice", "Sec-Fetch-Mode: navigate")
		t.Log(f.text())
		v.never("the sign-in", f)
		for range 20 {
			v.never("a page", v.send("GET /page"))
			time.Sleep(100 * time.Millisecond)
		}
		v.never("a page later", v.send("GET /page"))
	})
}
