package protocol

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/qpack"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/quicvarint"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// rawH3 sends the header of a request as written here, and returns the stream.
func rawH3(t *testing.T, s *server, b *harness.Browser, method, path string, extra ...[2]string) *quic.Stream {
	t.Helper()
	u, _ := url.Parse(b.Base)
	conn, err := quic.DialAddr(t.Context(), u.Host, &tls.Config{RootCAs: s.roots, NextProtos: []string{http3.NextProtoH3}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseWithError(0, "") })
	new(http3.Transport).NewClientConn(conn)
	str, err := conn.OpenStreamSync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var block bytes.Buffer
	enc := qpack.NewEncoder(&block)
	put := func(name, value string) { _ = enc.WriteField(qpack.HeaderField{Name: name, Value: value}) }
	put(":method", method)
	put(":scheme", "https")
	put(":authority", u.Host)
	put(":path", path)
	for _, e := range extra {
		if strings.HasPrefix(e[0], ":") {
			put(e[0], e[1])
		}
	}
	for name, values := range b.Request("GET", path, nil).Header {
		put(strings.ToLower(name), values[0])
	}
	for _, e := range extra {
		if !strings.HasPrefix(e[0], ":") {
			put(e[0], e[1])
		}
	}
	var pairs []string
	for name, value := range b.Cookies("/") {
		pairs = append(pairs, name+"="+value)
	}
	put("cookie", strings.Join(pairs, "; "))
	raw := quicvarint.Append(nil, 1) // HEADERS
	raw = quicvarint.Append(raw, uint64(block.Len()))
	if _, err := str.Write(append(raw, block.Bytes()...)); err != nil {
		t.Fatal(err)
	}
	return str
}

// dripPortal saves sign-ins at /login?late=1 one second after its response. Its feed shows the
// session's user every quarter of a second.
func dripPortal() *harness.Legacy {
	return &harness.Legacy{Before: func(l *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
		id, _ := r.Cookie("PHPSESSID")
		inside := func(path string) string {
			again, _ := http.NewRequest(http.MethodGet, path, nil)
			if id != nil {
				again.AddCookie(id)
			}
			m := &memo{h: http.Header{}}
			l.ServeHTTP(m, again)
			return m.b.String()
		}
		switch {
		case r.URL.Path == "/login" && r.URL.Query().Get("late") != "":
			go func() {
				time.Sleep(time.Second)
				inside("/switch?user=alice")
			}()
			fmt.Fprint(w, "one moment, please")
			return true
		case r.URL.Path == "/login" && r.URL.Query().Get("slow") != "":
			inside("/switch?user=alice") // committed first, and then slow
			time.Sleep(3 * time.Second)
			fmt.Fprint(w, "welcome")
			return true
		case r.URL.Path == "/feed":
			for i := range 60 {
				if _, err := fmt.Fprintf(w, "tick %d %s\n", i, inside("/account")); err != nil {
					return true
				}
				w.(http.Flusher).Flush()
				time.Sleep(250 * time.Millisecond)
			}
			return true
		}
		return false
	}}
}

type memo struct {
	h http.Header
	b strings.Builder
}

func (m *memo) Header() http.Header         { return m.h }
func (m *memo) WriteHeader(int)             {}
func (m *memo) Write(p []byte) (int, error) { return m.b.Write(p) }

// TestAttack_EmptyConnectOverLateSignIn: an extended CONNECT without frames, requested as a feed,
// shows nothing of a user who signs in during it.
func TestAttack_EmptyConnectOverLateSignIn(t *testing.T) {
	for _, how := range []string{"late", "slow"} {
		for name, extra := range map[string][][2]string{
			"CONNECT": {{":protocol", "websocket"}}, "CONNECT of length 0": {{":protocol", "websocket"}, {"content-length", "0"}},
		} {
			if how == "slow" && len(extra) > 1 {
				continue // it is refused in every case
			}
			t.Run(how+" "+name, func(t *testing.T) {
				s := serve(t, dripPortal(), fmt.Sprintf(harness.Site, harness.LegacyLate, "PORTAL"))
				alice := s.browser(t, "h1 over TLS")
				alice.SignIn("alice")
				alice.Enrol()
				b := s.browser(t, "h3")
				b.SignInAndGo("carol")
				time.Sleep(2200 * time.Millisecond)
				b.Get("/account")
				method, _, _ := strings.Cut(name, " ")
				str := rawH3(t, s, b, method, "/feed", extra...)
				if len(extra) != 1 {
					_ = str.Close()
				}
				time.Sleep(500 * time.Millisecond)
				p := b.Post("/login?"+how+"=1", url.Values{"user": {"alice"}, "password": {"pw-alice"}})
				t.Log("sign-in:", p.Status, p.Body)
				_ = str.SetReadDeadline(time.Now().Add(6 * time.Second))
				raw, err := io.ReadAll(str)
				t.Logf("%d bytes, %v: %d of carol's, %d of alice's", len(raw), err, strings.Count(string(raw), harness.SecretOf("carol")), strings.Count(string(raw), harness.SecretOf("alice")))
				if strings.Contains(string(raw), harness.SecretOf("alice")) {
					t.Error("LEAK: alice's part of the feed")
				}
			})
		}
	}
}

// TestAttack_ConnectToLink: a link that signs in, renames the session, answers 200 and commits at its end, is no tunnel when it is
// asked for as one.
func TestAttack_ConnectToLink(t *testing.T) {
	for name, extra := range map[string][][2]string{
		"CONNECT": {{":protocol", "websocket"}}, "CONNECT of length 0": {{":protocol", "websocket"}, {"content-length", "0"}},
	} {
		t.Run(name, func(t *testing.T) {
			portal := &harness.Legacy{}
			portal.Before = func(l *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != "/magic" {
					return false
				}
				id := l.SignInRaw("") // exists, and has no user until the end
				w.Header().Set("Set-Cookie", "PHPSESSID="+id+"; Path=/")
				fmt.Fprintf(w, "<p>Welcome alice, %s</p>", harness.SecretOf("alice"))
				w.(http.Flusher).Flush()
				time.Sleep(700 * time.Millisecond)
				again, _ := http.NewRequest(http.MethodGet, "/switch?user=alice", nil)
				again.AddCookie(&http.Cookie{Name: "PHPSESSID", Value: id})
				l.ServeHTTP(&memo{h: http.Header{}}, again)
				fmt.Fprint(w, "bye")
				return true
			}
			s := serve(t, portal, fmt.Sprintf(harness.Site, harness.LegacyLate, "PORTAL"))
			alice := s.browser(t, "h1 over TLS")
			alice.SignIn("alice")
			alice.Enrol()
			b := s.browser(t, "h3")
			b.SignInAndGo("carol")
			time.Sleep(2200 * time.Millisecond)
			b.Get("/account")
			method, _, _ := strings.Cut(name, " ")
			str := rawH3(t, s, b, method, "/magic", extra...)
			if len(extra) != 1 {
				_ = str.Close()
			}
			_ = str.SetReadDeadline(time.Now().Add(4 * time.Second))
			raw, err := io.ReadAll(str)
			t.Logf("%d bytes, %v", len(raw), err)
			if strings.Contains(string(raw), harness.SecretOf("alice")) {
				t.Error("LEAK: the page of alice's link")
			}
		})
	}
}
