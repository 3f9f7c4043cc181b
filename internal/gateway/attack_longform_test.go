package gateway_test

import (
	"io"
	"net/http"
	"testing"
	"time"
)

// TestOwner_LongForm: bob's page sends a form whose response is a stream of three minutes, as
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
