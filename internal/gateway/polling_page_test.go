package gateway_test

import (
	"net/http"
	"testing"
	"time"
)

// TestAttack_PageBesidePolling: a page of strangers polls by POST (CometD, GWT, Vaadin), each
// request a while at the portal and followed by the next. Another page of the same browser opens.
func TestAttack_PageBesidePolling(t *testing.T) {
	for _, takes := range []time.Duration{time.Second, 25 * time.Second} {
		attack(t, takes.String(), func(t *testing.T) {
			w := newWorld(t, nil)
			w.shop.pages["/cometd"] = func(http.ResponseWriter, *http.Request) error { time.Sleep(takes); return nil }
			w.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
			w.shop.pages["/report"] = func(rw http.ResponseWriter, r *http.Request) error { time.Sleep(200 * time.Millisecond); return nil }
			v := w.visitor()
			v.send("GET /page", "Sec-Fetch-Mode: navigate")
			v.send("GET /cart")
			time.Sleep(5 * time.Second)
			stop := make(chan bool)
			over := make(chan bool)
			go func() {
				defer close(over)
				for {
					f := v.start(t.Context(), "POST /cometd a=b")
					<-f.done
					select {
					case <-stop:
						return
					default:
					}
				}
			}()
			time.Sleep(100 * time.Millisecond)
			began, requests := time.Now(), 0
			for code := 0; code != http.StatusOK && time.Since(began) < 5*time.Minute; requests++ {
				f := v.start(t.Context(), "GET /report")
				<-f.done
				code = f.code()
			}
			if d := time.Since(began); d > 30*time.Second {
				t.Errorf("the page came after %v and %d requests, if at all", d, requests)
			}
			close(stop)
			<-over
		})
	}
}
