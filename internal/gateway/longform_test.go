package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestOwner_LongForm: bob's page sends a form with a response that is a stream of three minutes, as
// chats with language models are. Other forms of his go through meanwhile.
func TestOwner_LongForm(t *testing.T) {
	attack(t, "stream", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/chat"] = func(rw http.ResponseWriter, r *http.Request) error {
			rw.Header().Set("Content-Type", "text/event-stream")
			for range 180 {
				if _, err := io.WriteString(rw, "data: word\n\n"); err != nil {
					return err
				}
				_ = http.NewResponseController(rw).Flush()
				time.Sleep(time.Second)
			}
			return nil
		}
		saved := 0
		w.shop.pages["/save"] = func(rw http.ResponseWriter, r *http.Request) error { saved++; return nil }
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		v.send("GET /page")
		chat := v.start(t.Context(), "POST /chat say=hello")
		time.Sleep(5 * time.Second)
		began := time.Now()
		f := v.send("POST /save x=1")
		if f.code() != http.StatusOK || saved != 1 {
			t.Errorf("the form was answered after %v: %s", time.Since(began), f.text())
		}
		<-chat.done
	})
}

// TestAttack_H6_LongFormYields: while the response to bob's form goes on, other forms of the
// visit sign alice in, and bob again. Neither that response nor theirs shows anything of hers.
func TestAttack_H6_LongFormYields(t *testing.T) {
	for name, again := range map[string]bool{"alice": false, "alice, then bob": true} {
		attack(t, name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.shop.pages["/chat"] = endless(w.shop, "text/event-stream", 0)
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			chat := v.open("POST /chat say=hello")
			time.Sleep(5*time.Second + 100*time.Millisecond)
			if !strings.Contains(chat.text(), secret("bob")) {
				t.Fatal(chat.text())
			}
			thief := &visitor{w: w, address: v.address, cookies: v.cookies}
			v.never("the sign-in", thief.signIn("alice"))
			if again {
				thief.signIn("bob")
			}
			time.Sleep(time.Minute)
			v.never("the long response", chat)
		})
	}
}

// TestAttack_H6_LongFormSignsOut: a form with a response that goes on signs out at the moment at which
// another form has signed alice in. That one's response is not taken for a stranger's.
func TestAttack_H6_LongFormSignsOut(t *testing.T) {
	attack(t, "sign-out", func(t *testing.T) {
		w := newWorld(t, nil)
		signOut := make(chan bool)
		w.shop.pages["/chat"] = func(rw http.ResponseWriter, r *http.Request) error {
			rw.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(rw, "data: word\n\n")
			<-signOut
			w.shop.commit(r, w.shop.id(r), "")
			signOut <- true
			<-r.Context().Done()
			return nil
		}
		w.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
			w.shop.commit(r, w.shop.id(r), "alice")
			_, err := io.WriteString(rw, secret("alice"))
			signOut <- true
			<-signOut
			return err
		}
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		v.open("POST /chat say=hello")
		time.Sleep(5 * time.Second)
		v.never("the sign-in", v.send("POST /enter x=1"))
	})
}
