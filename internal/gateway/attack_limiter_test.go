package gateway_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// TestAttack_L12_Limiter: in front of the portal's application sits a limiter of requests per
// address that answers 403, as mod_evasive does, and strangers get 403 at whoami. A sign-in
// that is let through is not taken for a stranger's because the question about it is not.
// The sign is what the portal's own 403 says; `anonymous status 403` earns a warning (see
// TestWarnings in package config).
func TestAttack_L12_Limiter(t *testing.T) {
	attack(t, "sign-in", func(t *testing.T) {
		w := limiter(t)
		time.Sleep(time.Second)
		f := w.visitor().start(t.Context(), "POST /enter user=alice")
		time.Sleep(10 * time.Millisecond)
		for range 60 {
			w.visitor().send("GET /page")
		}
		<-f.done
		w.visitor().never("the sign-in", f)
	})
}

// limiter is a world with such a limiter.
func limiter(t *testing.T) *world {
	w := newWorld(t, func(o *gateway.Options) {
		question, err := whoami.Compile(config.Whoami{URI: "/me", Anonymous: []config.Sign{{JSON: "error"}}, User: &config.Extractor{JSON: "user"}})
		if err != nil {
			t.Fatal(err)
		}
		o.Asker.Questions = []*whoami.Question{question}
	})
	count, second, until := 0, time.Time{}, time.Time{}
	limited := func() bool { // by address, 50 in a second, then closed for 10 s
		w.shop.mu.Lock()
		defer w.shop.mu.Unlock()
		now := time.Now()
		if now.Sub(second) >= time.Second {
			count, second = 0, now
		}
		if count++; count > 50 {
			until = now.Add(10 * time.Second)
		}
		return now.Before(until)
	}
	w.shop.pages["/me"] = func(rw http.ResponseWriter, r *http.Request) error {
		if limited() {
			rw.WriteHeader(http.StatusForbidden)
			return nil
		}
		if w.shop.user(r) == "" {
			rw.WriteHeader(http.StatusForbidden)
			_, err := io.WriteString(rw, `{"error":"sign in"}`)
			return err
		}
		_, err := io.WriteString(rw, `{"user":"`+w.shop.user(r)+`"}`)
		return err
	}
	w.shop.pages["/page"] = func(rw http.ResponseWriter, r *http.Request) error {
		if limited() {
			rw.WriteHeader(http.StatusForbidden)
		}
		return nil
	}
	w.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
		if limited() {
			rw.WriteHeader(http.StatusForbidden)
			return nil
		}
		user := r.FormValue("user")
		w.shop.commit(r, w.shop.begin(rw, r), user)
		_, err := io.WriteString(rw, "account of "+secret(user))
		time.Sleep(100 * time.Millisecond)
		return err
	}
	return w
}
