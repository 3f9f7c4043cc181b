package gateway_test

import (
	"io"
	"net/http"
	"testing"
	"time"
)

// TestAttack_L8_FramesBesideSignIn: bob's tunnel is open, and a form signs alice in within
// the same session. What the client sends through the tunnel is not carried out as alice.
func TestAttack_L8_FramesBesideSignIn(t *testing.T) {
	for _, how := range []string{"late", "slow"} {
		attack(t, how, func(t *testing.T) {
			w := newWorld(t, nil)
			w.shop.pages["/late"] = func(rw http.ResponseWriter, r *http.Request) error {
				id := w.shop.begin(rw, r)
				time.AfterFunc(time.Second, func() { w.shop.commit(r, id, "alice") })
				_, err := io.WriteString(rw, "welcome")
				return err
			}
			w.shop.pages["/slow"] = func(rw http.ResponseWriter, r *http.Request) error {
				w.shop.commit(r, w.shop.begin(rw, r), "alice")
				time.Sleep(2 * time.Second)
				_, err := io.WriteString(rw, "welcome")
				return err
			}
			acted := make(chan string, 100)
			w.shop.pages["/socket"] = func(rw http.ResponseWriter, r *http.Request) error {
				rw.WriteHeader(http.StatusSwitchingProtocols)
				c, _, err := http.NewResponseController(rw).Hijack()
				if err != nil {
					return err
				}
				defer c.Close()
				id := w.shop.id(r)
				go func() { <-r.Context().Done(); c.Close() }()
				for buf := make([]byte, 64); ; {
					if _, err := c.Read(buf); err != nil {
						return nil
					}
					w.shop.mu.Lock()
					acted <- w.shop.users[id]
					w.shop.mu.Unlock()
				}
			}
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			f := v.start(t.Context(), "GET /socket", "Upgrade: websocket", "Connection: Upgrade")
			time.Sleep(3 * time.Second)
			signIn := v.start(t.Context(), "POST /"+how+" user=alice")
			for range 50 {
				time.Sleep(100 * time.Millisecond)
				if _, err := io.WriteString(f.tunnel, "order"); err != nil {
					break
				}
			}
			<-signIn.done
			f.tunnel.Close()
			<-f.done
			n := 0
			for len(acted) > 0 {
				if <-acted == "alice" {
					n++
				}
			}
			if n > 0 {
				t.Errorf("%d frames were carried out as alice", n)
			}
		})
	}
}
