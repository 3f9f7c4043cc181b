package gateway_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestAttack_L8_FramesBesideSignIn: bob's tunnel is open, and a form signs alice in within
// the same session. What the client sends through the tunnel is not carried out as alice.
func TestAttack_L8_FramesBesideSignIn(t *testing.T) {
	for _, how := range []string{"late", "slow"} {
		attack(t, how, func(t *testing.T) {
			w := newWorld(t, nil)
			w.shop.pages["/late"] = w.shop.late(time.Second)
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
			synctest.Wait()
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

// lines is a socket that notes what the client sends.
func lines(s *shop, got chan<- string) func(http.ResponseWriter, *http.Request) error {
	return func(rw http.ResponseWriter, r *http.Request) error {
		rw.WriteHeader(http.StatusSwitchingProtocols)
		c, brw, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			return err
		}
		defer c.Close()
		early, _ := brw.Reader.Peek(brw.Reader.Buffered()) // as reverse_proxy does
		for in := bufio.NewScanner(io.MultiReader(bytes.NewReader(early), c)); in.Scan(); {
			if user, ok := strings.CutPrefix(in.Text(), "login "); ok {
				s.commit(r, s.id(r), user)
			}
			got <- in.Text()
		}
		return nil
	}
}

// TestTunnel_HeldNotDropped: what the client sends while a form is open arrives in order when
// the visit is settled, and a form that takes long does not hold it for ever.
func TestTunnel_HeldNotDropped(t *testing.T) {
	for name, tt := range map[string]struct{ form, least, most time.Duration }{
		"short form": {time.Second, 3 * time.Second, 4 * time.Second}, "long form": {time.Minute, 10 * time.Second, 12 * time.Second},
	} {
		attack(t, name, func(t *testing.T) {
			w := newWorld(t, nil)
			got := make(chan string, 10)
			w.shop.pages["/socket"] = lines(w.shop, got)
			w.shop.pages["/form"] = func(http.ResponseWriter, *http.Request) error { time.Sleep(tt.form); return nil }
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			f := v.start(t.Context(), "GET /socket", "Upgrade: websocket", "Connection: Upgrade")
			synctest.Wait()
			began := time.Now()
			_, _ = io.WriteString(f.tunnel, "before\n")
			if <-got != "before" || time.Since(began) > 0 {
				t.Errorf("without a form it waited %s", time.Since(began))
			}
			form := v.start(t.Context(), "POST /form x=1")
			time.Sleep(100 * time.Millisecond)
			began = time.Now()
			go io.WriteString(f.tunnel, "one\ntwo\n")
			if one, two := <-got, <-got; one != "one" || two != "two" {
				t.Error(one, two)
			}
			if d := time.Since(began) + 100*time.Millisecond; d < tt.least || d > tt.most {
				t.Errorf("it waited %s", d)
			}
			<-form.done
			f.tunnel.Close()
			<-f.done
		})
	}
}

// TestTunnel_HeldBesideManyForms: where a page sends forms all the time, what its client sends
// through a tunnel goes on every `settle`.
func TestTunnel_HeldBesideManyForms(t *testing.T) {
	attack(t, "forms", func(t *testing.T) {
		w := newWorld(t, nil)
		got := make(chan string, 10)
		w.shop.pages["/socket"] = lines(w.shop, got)
		w.shop.pages["/form"] = func(http.ResponseWriter, *http.Request) error { time.Sleep(50 * time.Millisecond); return nil }
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		f := v.start(t.Context(), "GET /socket", "Upgrade: websocket", "Connection: Upgrade")
		synctest.Wait()
		var line string
		for i := range 40 {
			v.send("POST /form x=1")
			if i == 0 {
				go io.WriteString(f.tunnel, "one\n")
			}
			time.Sleep(100 * time.Millisecond)
			if i == 20 && len(got) == 0 {
				t.Error("it waits longer than `settle`")
			}
		}
		if line = <-got; line != "one" {
			t.Error(line)
		}
		f.tunnel.Close()
		<-f.done
	})
}

// TestTunnel_RotatesHoldsNothing: where the portal renews its session at each sign-in, nothing
// waits.
func TestTunnel_RotatesHoldsNothing(t *testing.T) {
	attack(t, "rotates", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) { o.Rotates, o.Rules.SignIn = true, paths{"/form"} })
		got := make(chan string, 1)
		w.shop.pages["/socket"] = lines(w.shop, got)
		w.shop.pages["/form"] = func(http.ResponseWriter, *http.Request) error { time.Sleep(time.Second); return nil }
		v := w.visitor()
		v.signIn("bob")
		f := v.start(t.Context(), "GET /socket", "Upgrade: websocket", "Connection: Upgrade")
		synctest.Wait()
		form := v.start(t.Context(), "POST /form x=1")
		synctest.Wait()
		began := time.Now()
		_, _ = io.WriteString(f.tunnel, "one\n")
		if <-got; time.Since(began) > 0 {
			t.Errorf("it waited %s", time.Since(began))
		}
		<-form.done
		f.tunnel.Close()
		<-f.done
	})
}

// TestAttack_H7_FrameWithTheUpgrade: a client sends a frame that signs a user in together
// with the request that opens the tunnel. The gate sees it as it does any other.
func TestAttack_H7_FrameWithTheUpgrade(t *testing.T) {
	attack(t, "early", func(t *testing.T) {
		w := newWorld(t, nil)
		got := make(chan string, 1)
		w.shop.pages["/socket"] = lines(w.shop, got)
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		v.send("GET /page") // an answer is kept
		f := &flight{early: "login alice\n"}
		v.fly(t.Context(), f, "GET /socket", "Upgrade: websocket", "Connection: Upgrade")
		if line := <-got; line != "login alice" {
			t.Error(line)
		}
		v.never("a page", v.send("GET /page"))
		f.tunnel.Close()
		<-f.done
	})
}

// TestAttack_H5_TunnelBesideDroppedLink: an undeclared link signs alice in within the session of
// a tunnel, and the portal ends it without headers. Nothing of hers goes through the tunnel.
func TestAttack_H5_TunnelBesideDroppedLink(t *testing.T) {
	attack(t, "link", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/socket"] = framed(w.shop)
		w.shop.pages["/magic"] = func(_ http.ResponseWriter, r *http.Request) error {
			w.shop.commit(r, w.shop.id(r), "alice")
			return errors.New("cut off")
		}
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		f := v.start(t.Context(), "GET /socket", "Upgrade: websocket", "Connection: Upgrade")
		synctest.Wait()
		v.send("GET /magic")
		go io.WriteString(f.tunnel, "show\n")
		time.Sleep(30 * time.Second)
		v.never("the tunnel", f)
		f.tunnel.Close()
		<-f.done
	})
}

// TestAttack_H5_SlowTunnelBesideDroppedLink: the same, while the portal takes its time to open the
// tunnel.
func TestAttack_H5_SlowTunnelBesideDroppedLink(t *testing.T) {
	attack(t, "link", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/socket"] = func(rw http.ResponseWriter, r *http.Request) error {
			time.Sleep(5 * time.Second)
			return framed(w.shop)(rw, r)
		}
		w.shop.pages["/magic"] = func(_ http.ResponseWriter, r *http.Request) error {
			w.shop.commit(r, w.shop.id(r), "alice")
			return errors.New("cut off")
		}
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		f := v.start(t.Context(), "GET /socket", "Upgrade: websocket", "Connection: Upgrade")
		synctest.Wait()
		v.send("GET /magic")
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if f.tunnel != nil {
			go io.WriteString(f.tunnel, "show\n") //nolint:errcheck // it is cut off
			time.Sleep(30 * time.Second)
			f.tunnel.Close()
		}
		v.never("the tunnel", f)
		<-f.done
	})
}

// TestTunnel_CloseEndsWaiting: a portal that closes a tunnel does not wait for what is held.
func TestTunnel_CloseEndsWaiting(t *testing.T) {
	attack(t, "close", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/socket"] = func(rw http.ResponseWriter, _ *http.Request) error {
			rw.WriteHeader(http.StatusSwitchingProtocols)
			c, _, err := http.NewResponseController(rw).Hijack()
			if err != nil {
				return err
			}
			read := make(chan struct{})
			go func() { _, _ = c.Read(make([]byte, 10)); close(read) }()
			time.Sleep(time.Second)
			began := time.Now()
			c.Close()
			if <-read; time.Since(began) > 0 {
				t.Errorf("it waited %s", time.Since(began))
			}
			return nil
		}
		w.shop.pages["/form"] = func(http.ResponseWriter, *http.Request) error { time.Sleep(5 * time.Second); return nil }
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		f := v.start(t.Context(), "GET /socket", "Upgrade: websocket", "Connection: Upgrade")
		synctest.Wait()
		form := v.start(t.Context(), "POST /form x=1")
		synctest.Wait()
		go io.WriteString(f.tunnel, "one\n") //nolint:errcheck // it is cut off
		<-f.done
		<-form.done
		f.tunnel.Close()
	})
}
