package gateway_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// connect opens a WebSocket by extended CONNECT (RFC 8441), as browsers do over HTTP/2. What
// is written into frames arrives as the request's body.
func (v *visitor) connect(ctx context.Context, target string) (f *flight, frames *io.PipeWriter) {
	body, frames := io.Pipe()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, target, body)
	r.Method, r.Proto, r.ProtoMajor, r.ProtoMinor, r.ContentLength = http.MethodConnect, "HTTP/2.0", 2, 0, -1
	r.Header.Set(":protocol", "websocket")
	for _, c := range v.cookies {
		r.AddCookie(c)
	}
	asked := *r.URL
	f = &flight{done: make(chan struct{}), header: make(http.Header)}
	go f.serve(v.w, r, gateway.Client{Address: v.address, URL: &asked})
	return f, frames
}

// framed is socket that answers other lines with the secret of the session's user.
func framed(s *shop) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Upgrade", "websocket")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return err
		}
		defer conn.Close()
		for in := bufio.NewScanner(conn); in.Scan(); {
			if user, ok := strings.CutPrefix(in.Text(), "login "); ok {
				s.commit(r, s.id(r), user)
				continue
			}
			if _, err := fmt.Fprintln(conn, secret(s.user(r))); err != nil {
				return err
			}
		}
		return nil
	}
}

// TestAttack_H7_SignInInsideFrameOfConnect: a user is signed in inside a frame of a tunnel
// that was opened by extended CONNECT, over HTTP/2 or HTTP/3.
func TestAttack_H7_SignInInsideFrameOfConnect(t *testing.T) {
	attack(t, "frame", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/socket"] = framed(w.shop)
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		f, frames := v.connect(t.Context(), "/socket")
		synctest.Wait()
		if f.code() != http.StatusOK {
			t.Fatal(f.text())
		}
		v.send("GET /page") // an answer is kept
		if _, err := io.WriteString(frames, "login alice\n"); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			v.never("a page", v.send("GET /page"))
			time.Sleep(time.Second)
		}
		frames.Close()
		<-f.done
	})
}

// TestAttack_H6_ConnectBesideSignIn: a tunnel by extended CONNECT runs on beside a sign-in
// that takes its time after it was committed.
func TestAttack_H6_ConnectBesideSignIn(t *testing.T) {
	for _, protocol := range []string{"upgrade", "connect"} {
		attack(t, protocol, func(t *testing.T) {
			w := newWorld(t, nil)
			w.shop.pages["/socket"] = framed(w.shop)
			w.shop.pages["/slow"] = func(rw http.ResponseWriter, r *http.Request) error {
				w.shop.commit(r, w.shop.begin(rw, r), "alice")
				time.Sleep(3 * time.Second)
				return nil
			}
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			var f *flight
			var frames io.WriteCloser
			if protocol == "connect" {
				f, frames = v.connect(t.Context(), "/socket")
				synctest.Wait()
			} else {
				f = v.start(t.Context(), "GET /socket", "Connection: Upgrade", "Upgrade: websocket")
				synctest.Wait()
				frames = f.tunnel
			}
			post := v.start(t.Context(), "POST /slow user=alice")
			time.Sleep(time.Second)
			_, _ = io.WriteString(frames, "show\n")
			synctest.Wait()
			v.never("the tunnel", f)
			<-post.done
			frames.Close()
			<-f.done
		})
	}
}

// TestAttack_G5_UpgradeThatIsNone: a request offers to leave HTTP, and the portal answers as if
// it did not. Its response is checked as any other.
func TestAttack_G5_UpgradeThatIsNone(t *testing.T) {
	for name, headers := range map[string][]string{"without": nil, "with": {"Connection: Upgrade", "Upgrade: websocket"}, "connect": nil} {
		attack(t, "slow redirect of a link, "+name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.shop.pages["/magic"] = func(rw http.ResponseWriter, r *http.Request) error {
				id := w.shop.begin(rw, r)
				http.Redirect(rw, r, "/page", http.StatusFound)
				_ = http.NewResponseController(rw).Flush()
				time.Sleep(3 * time.Second)
				w.shop.commit(r, id, "alice")
				_, err := io.WriteString(rw, secret("alice"))
				return err
			}
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			var f *flight
			if name == "connect" {
				f, _ = v.connect(t.Context(), "/magic?t=1")
			} else {
				f = v.start(t.Context(), "GET /magic?t=1", headers...)
			}
			synctest.Wait()
			for range 40 {
				v.never("a page", v.send("GET /page"))
				time.Sleep(200 * time.Millisecond)
			}
			<-f.done
			v.never("the link", f)
		})
		attack(t, "stream beside a sign-in, "+name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.shop.pages["/events"] = func(rw http.ResponseWriter, r *http.Request) error {
				rw.Header().Set("Content-Type", "text/event-stream")
				for range 20 {
					if _, err := io.WriteString(rw, "data: "+secret(w.shop.user(r))+"\n\n"); err != nil {
						return err
					}
					_ = http.NewResponseController(rw).Flush()
					time.Sleep(500 * time.Millisecond)
				}
				return nil
			}
			w.shop.pages["/slow"] = func(rw http.ResponseWriter, r *http.Request) error {
				w.shop.commit(r, w.shop.begin(rw, r), "alice")
				time.Sleep(3 * time.Second)
				return nil
			}
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			var f *flight
			if name == "connect" {
				f, _ = v.connect(t.Context(), "/events")
			} else {
				f = v.start(t.Context(), "GET /events", headers...)
			}
			time.Sleep(time.Second)
			v.send("POST /slow user=alice")
			<-f.done
			v.never("the stream", f)
		})
	}
}
