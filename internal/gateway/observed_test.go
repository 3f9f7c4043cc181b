package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestAttack_L17_NamesOfObserve: a portal takes its session's id from the address, too, under
// a name of its own. Under `mode observe` it has set cookies of that name to many visitors, in
// the same process; what a thief learned then is worth nothing under `enforce`.
func TestAttack_L17_NamesOfObserve(t *testing.T) {
	attack(t, "observe, enforce", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) { o.Observe = true })
		const id = "0123456789abcdef0123456789abcdef"
		w.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
			w.shop.commit(r, id, r.FormValue("user"))
			rw.Header().Add("Set-Cookie", "OURSESSION="+id+"; Path=/; HttpOnly")
			_, err := io.WriteString(rw, "welcome")
			return err
		}
		w.shop.pages["/account"] = func(rw http.ResponseWriter, r *http.Request) error {
			sid := r.URL.Query().Get("OURSESSION")
			if c, err := r.Cookie("OURSESSION"); err == nil {
				sid = c.Value
			}
			w.shop.mu.Lock()
			user := w.shop.users[sid]
			w.shop.mu.Unlock()
			_, err := io.WriteString(rw, "account of "+secret(user))
			return err
		}
		f := w.visitor().send("POST /enter user=alice")
		if !strings.Contains(f.text(), id) {
			t.Fatal(f.text())
		}
		time.Sleep(time.Minute)
		old, o := w.g, w.g.Options
		o.Observe = false
		w.g = gateway.New(o)
		old.Stop()
		v := w.visitor()
		v.never("a page", v.send("GET /account?OURSESSION="+id))
	})
}

// TestL17_TypedUnderObserve: a cookie that only repeats what a visitor typed is no session's,
// under `mode observe` either.
func TestL17_TypedUnderObserve(t *testing.T) {
	attack(t, "observe, enforce", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) { o.Observe = true })
		w.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
			rw.Header().Add("Set-Cookie", "lastsearch="+r.FormValue("q")+"; Path=/; HttpOnly")
			return nil
		}
		w.visitor().send("POST /enter q=blue-suede-shoes-size-12")
		old, o := w.g, w.g.Options
		o.Observe = false
		w.g = gateway.New(o)
		old.Stop()
		v := w.visitor()
		v.send("GET /page")
		if f := v.send("POST /page lastsearch=red-suede-shoes-size-12"); f.code() != http.StatusOK {
			t.Errorf("a form: %s", f.text())
		}
	})
}
