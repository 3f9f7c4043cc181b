package gateway_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
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

// asked is a CONNECT in the words of a protocol version.
func asked(major int, protocol, target string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, target, io.NopCloser(strings.NewReader("GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")))
	r.Method, r.ProtoMajor, r.ProtoMinor, r.ContentLength = http.MethodConnect, major, 0, -1
	r.Proto = fmt.Sprintf("HTTP/%d.0", major)
	switch {
	case major == 2 && protocol != "":
		r.Header[":protocol"] = strings.Split(protocol, " ")
	case major == 3 && protocol != "":
		r.Proto = protocol
	}
	return r
}

// TestConnect_Refused: a CONNECT that opens no WebSocket is refused in every mode, whatever
// is exempt, at the own pages as well. reverse_proxy would send it on as it is, and what
// follows it would be the next request on a connection to the portal.
func TestConnect_Refused(t *testing.T) {
	modes := map[string]func(*gateway.Options){
		"enforce": nil, "observe": func(o *gateway.Options) { o.Observe = true }, "trust": func(o *gateway.Options) { o.Rules.Trust = paths{"/*"} },
		"trust, observe": func(o *gateway.Options) { o.Observe, o.Rules.Trust = true, paths{"/*"} },
	}
	for mode, change := range modes {
		for _, tt := range []struct {
			major            int
			protocol, target string
		}{
			{1, "", "/page"}, {2, "", "/page"}, {3, "", "/page"}, {2, "foo", "/page"}, {3, "foo", "/page"}, {3, "connect-udp", "/page"},
			{3, "webtransport", "/page"}, {2, "WebSocket", "/page"}, {3, "WebSocket", "/page"}, {2, "websocket foo", "/page"}, {2, "foo websocket", "/page"},
			{1, "websocket", "/page"}, {2, "websocket", "/two-factor/challenge"}, {3, "websocket", "/two-factor"}, {3, "foo", "/two-factor/health"},
		} {
			attack(t, fmt.Sprintf("%s, HTTP/%d %q %s", mode, tt.major, tt.protocol, tt.target), func(t *testing.T) {
				w := newWorld(t, change)
				reached := false
				w.shop.pages[tt.target] = func(http.ResponseWriter, *http.Request) error { reached = true; return nil }
				r, f := asked(tt.major, tt.protocol, tt.target), &flight{done: make(chan struct{}), header: make(http.Header)}
				address := *r.URL
				f.serve(w, r, gateway.Client{Address: "192.0.2.1", URL: &address})
				if f.code() != http.StatusMethodNotAllowed || reached {
					t.Errorf("%s; the portal was reached: %v", f.text(), reached)
				}
				if w.logs.FilterMessage("request refused").Len() != 1 {
					t.Error("nothing was logged")
				}
			})
		}
	}
}

// TestConnect_Length: a tunnel has no length. One that says it is empty would be taken for a
// request without a body.
func TestConnect_Length(t *testing.T) {
	for _, length := range []string{"0", "10"} {
		attack(t, length, func(t *testing.T) {
			w := newWorld(t, nil)
			r, f := asked(3, "websocket", "/page"), &flight{done: make(chan struct{}), header: make(http.Header)}
			r.Header.Set("Content-Length", length)
			f.serve(w, r, gateway.Client{Address: "192.0.2.1", URL: r.URL})
			if f.code() != http.StatusBadRequest {
				t.Error(f.text())
			}
		})
	}
}

// TestConnect_AsUpgrade: in every mode a WebSocket reaches the portal as the upgrade that it is
// over HTTP/1.1, and the client of HTTP/2 and HTTP/3 gets the tunnel in its own words.
func TestConnect_AsUpgrade(t *testing.T) {
	for mode, change := range map[string]func(*gateway.Options){
		"enforce": nil, "observe": func(o *gateway.Options) { o.Observe = true }, "trust": func(o *gateway.Options) { o.Rules.Trust = paths{"/socket"} },
	} {
		attack(t, mode, func(t *testing.T) {
			w := newWorld(t, change)
			var got *http.Request
			w.shop.pages["/socket"] = func(rw http.ResponseWriter, r *http.Request) error {
				got = r.Clone(context.Background())
				rw.Header()["Sec-WebSocket-Accept"] = []string{"x"} //nolint:canonicalheader // as reverse_proxy has it
				rw.Header().Set("Connection", "Upgrade")
				return framed(w.shop)(rw, r)
			}
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			f, frames := v.connect(t.Context(), "/socket")
			if _, err := io.WriteString(frames, "show\n"); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if f.code() != http.StatusOK || !strings.Contains(f.text(), "secret of") {
				t.Error(f.text())
			}
			for _, name := range []string{"Connection", "Upgrade", "Sec-WebSocket-Accept"} {
				if f.sent[name] != nil {
					t.Errorf("%s: %q", name, f.sent[name])
				}
			}
			key, err := base64.StdEncoding.DecodeString(got.Header.Get("Sec-WebSocket-Key"))
			if got.Method != http.MethodGet || got.Proto != "HTTP/2.0" || got.ContentLength != 0 || got.Body != http.NoBody || got.Header[":protocol"] != nil ||
				got.Header.Get("Upgrade") != "websocket" || got.Header.Get("Connection") != "Upgrade" || err != nil || len(key) != 16 {
				t.Errorf("%s %s %d %v", got.Method, got.Proto, got.ContentLength, got.Header)
			}
			frames.Close()
			<-f.done
		})
	}
}

// TestConnect_NoStreamToHijack: a handler that takes the connection without a 101 would write
// HTTP/1.1 to it, which a stream of HTTP/2 is not.
func TestConnect_NoStreamToHijack(t *testing.T) {
	attack(t, "without headers", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/socket"] = func(rw http.ResponseWriter, _ *http.Request) error {
			if c, _, err := http.NewResponseController(rw).Hijack(); err == nil {
				c.Close()
				t.Error("handed over")
			}
			return nil
		}
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		f, frames := v.connect(t.Context(), "/socket")
		<-f.done
		if frames.Close(); f.code() != http.StatusNotImplemented {
			t.Error(f.text())
		}
	})
}

// TestConnect_NothingAfterTheEnd: servers reuse what a request was answered through, so nothing
// is written through a tunnel when its request is over.
func TestConnect_NothingAfterTheEnd(t *testing.T) {
	attack(t, "late", func(t *testing.T) {
		w := newWorld(t, nil)
		var kept net.Conn
		w.shop.pages["/socket"] = func(rw http.ResponseWriter, _ *http.Request) (err error) {
			rw.WriteHeader(http.StatusSwitchingProtocols)
			kept, _, err = http.NewResponseController(rw).Hijack()
			return err
		}
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		f, frames := v.connect(t.Context(), "/socket")
		<-f.done
		if _, err := io.WriteString(kept, "late"); err == nil || strings.Contains(f.text(), "late") {
			t.Errorf("%v: %s", err, f.text())
		}
		frames.Close()
	})
}

// TestTrust_NoHTTP2: an offer of HTTP/2 in the clear is dropped at trusted addresses as well: a
// portal that took it would get requests past the gate.
func TestTrust_NoHTTP2(t *testing.T) {
	attack(t, "h2c", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) { o.Rules.Trust = paths{"/hook"} })
		w.shop.pages["/hook"] = func(rw http.ResponseWriter, r *http.Request) error {
			_, err := io.WriteString(rw, "offered: "+r.Header.Get("Upgrade")+r.Header.Get("Http2-Settings"))
			return err
		}
		f := w.visitor().send("GET /hook", "Upgrade: H2C", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMA")
		if !strings.HasSuffix(f.text(), "offered: \n") {
			t.Error(f.text())
		}
		if f = w.visitor().send("GET /hook", "Upgrade: websocket", "Connection: Upgrade"); !strings.HasSuffix(f.text(), "offered: websocket\n") {
			t.Error(f.text())
		}
	})
}
