package gateway_test

import (
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// TestAttack_RenewedByPortion: a portal renames the session every five minutes, with whatever
// request comes first, and forgets the old name. That request is a question about a portion of an
// event stream, after its headers. The browser gets the new name with the next page.
func TestAttack_RenewedByPortion(t *testing.T) {
	attack(t, "event stream", func(t *testing.T) {
		e := newEndings(t, nil)
		var rename atomic.Bool
		e.shop.pages["/me"] = renames(e.shop, &rename)
		e.shop.pages["/events"] = func(rw http.ResponseWriter, r *http.Request) error {
			rw.Header().Set("Content-Type", "text/event-stream")
			for r.Context().Err() == nil {
				if _, err := io.WriteString(rw, "data: tick\n\n"); err != nil {
					return err
				}
				time.Sleep(300 * time.Millisecond)
			}
			return nil
		}
		v := e.visitor()
		v.send("GET /page", "Sec-Fetch-Mode: navigate")
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		e.wantPage("before", v, "bob")
		v.open("GET /events")
		time.Sleep(5 * time.Second)
		v.send("POST /page a=b") // for two seconds the stream leaves in portions
		rename.Store(true)
		time.Sleep(5 * time.Second)
		if rename.Load() {
			t.Fatal("nothing was asked")
		}
		e.wantPage("after the session was renamed", v, "bob")
	})
}

// renames is whoami of a portal that renames the session of bob once when it is due.
func renames(s *shop, due *atomic.Bool) func(http.ResponseWriter, *http.Request) error {
	return func(rw http.ResponseWriter, r *http.Request) error {
		id, user := s.id(r), s.user(r)
		if user == "bob" && due.CompareAndSwap(true, false) {
			s.mu.Lock()
			s.users["renamed"] = user
			s.mu.Unlock()
			rw.Header().Add("Set-Cookie", "SID=renamed; Path=/")
			defer func() { s.mu.Lock(); delete(s.users, id); s.mu.Unlock() }()
		}
		return s.whoami(rw, r)
	}
}
