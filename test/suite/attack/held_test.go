package attack

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// heldGET is a GET over HTTP/2 (h2c, prior knowledge) with a delayed END_STREAM. It sends the
// header block at once, and later an empty DATA frame that ends the request.
type heldGET struct {
	t  *testing.T
	c  net.Conn
	fr *http2.Framer
}

func holdGET(t *testing.T, h *harness.Harness, b *harness.Browser, path string) *heldGET {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(h.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_, _ = c.Write([]byte(http2.ClientPreface))
	fr := http2.NewFramer(c, c)
	fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_ = fr.WriteSettings()
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	put := func(name, value string) { _ = enc.WriteField(hpack.HeaderField{Name: name, Value: value}) }
	put(":method", "GET")
	put(":scheme", "http")
	put(":authority", strings.TrimPrefix(h.URL, "http://"))
	put(":path", path)
	put("accept-encoding", "gzip") // as Go's client sends in HTTP/1.1
	for name, values := range b.Request("GET", path, nil).Header {
		put(strings.ToLower(name), values[0])
	}
	var pairs []string
	for name, value := range b.Cookies("/") {
		pairs = append(pairs, name+"="+value)
	}
	put("cookie", strings.Join(pairs, "; "))
	if err := fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true}); err != nil {
		t.Fatal(err)
	}
	return &heldGET{t, c, fr}
}

// finish ends the request and returns everything of the response.
func (g *heldGET) finish() string {
	g.t.Helper()
	if err := g.fr.WriteData(1, true, nil); err != nil {
		g.t.Fatal(err)
	}
	return g.read()
}

func (g *heldGET) read() (all string) {
	_ = g.c.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		f, err := g.fr.ReadFrame()
		if err != nil {
			return all + " " + err.Error()
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				_ = g.fr.WriteSettingsAck()
			}
		case *http2.MetaHeadersFrame:
			all += fmt.Sprint(f.Fields)
			if f.StreamEnded() {
				return all
			}
		case *http2.DataFrame:
			all += string(f.Data())
			if f.StreamEnded() {
				return all
			}
		}
	}
}

// latePortal commits sign-ins within sessions one second after its response, as stores that
// write behind do: within the default `settle`.
func latePortal() *harness.Legacy {
	return &harness.Legacy{Before: func(l *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/login" || r.Method != http.MethodPost || r.URL.Query().Get("late") == "" {
			return false
		}
		id, _ := r.Cookie("PHPSESSID")
		if id == nil || r.FormValue("user") != "alice" || r.FormValue("password") != "pw-alice" {
			return false
		}
		go func() {
			time.Sleep(time.Second)
			again, _ := http.NewRequest(http.MethodGet, "/switch?user=alice", nil)
			again.AddCookie(id)
			l.ServeHTTP(new(memo).ready(), again)
		}()
		fmt.Fprint(w, "one moment, please")
		return true
	}}
}

func (m *memo) ready() *memo { m.h = http.Header{}; return m }

// TestAttack_HeldGETOverLateSignIn: the gate decides a GET with a delayed end at the time at which
// its header arrived. An answer that has expired since may serve it.
func TestAttack_HeldGETOverLateSignIn(t *testing.T) {
	h := harness.Start(t, latePortal(), harness.LegacyLate)
	enrolled(h, "alice")
	for _, held := range []bool{false, true} {
		t.Run(fmt.Sprint("held=", held), func(t *testing.T) {
			t.Parallel() // in the same harness
			b := h.Browser()
			b.SignInAndGo("carol")
			time.Sleep(2100 * time.Millisecond)
			if !shown(b, "carol") {
				t.Fatal("carol's own account is not shown")
			}
			var g *heldGET
			if held {
				g = holdGET(t, h, b, "/account")
				time.Sleep(200 * time.Millisecond)
			}
			p := b.Post("/login?late=1", url.Values{"user": {"alice"}, "password": {"pw-alice"}})
			t.Log("sign-in:", p.Status, p.Body)
			p = b.Get("/account")
			t.Log("at once:", p.Status, p.Location, p.Body)
			time.Sleep(3 * time.Second)
			all := ""
			if held {
				all = g.finish()
			} else {
				p := b.Get("/account")
				all = fmt.Sprint(p.Status, p.Header, p.Body)
			}
			t.Log(all)
			if strings.Contains(all, harness.SecretOf("alice")) {
				t.Error("LEAK: alice's page")
			}
		})
	}
}

// framePortal signs alice in with the first byte that comes through its WebSocket.
func framePortal() *harness.Legacy {
	return &harness.Legacy{Before: func(l *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/ws" || r.Header.Get("Upgrade") == "" {
			return false
		}
		id, _ := r.Cookie("PHPSESSID")
		c, brw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return true
		}
		defer c.Close()
		fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n")
		for {
			if _, err := brw.ReadByte(); err != nil {
				return true
			}
			again, _ := http.NewRequest(http.MethodGet, "/switch?user=alice", nil)
			again.AddCookie(id)
			l.ServeHTTP(new(memo).ready(), again)
			fmt.Fprint(c, "k")
		}
	}}
}

// TestAttack_HeldGETOverFrame: a page with a delayed end is requested during a sign-in inside of a
// WebSocket's frame.
func TestAttack_HeldGETOverFrame(t *testing.T) {
	h := harness.Start(t, framePortal(), harness.LegacyLate)
	enrolled(h, "alice")
	for _, held := range []bool{false, true} {
		t.Run(fmt.Sprint("held=", held), func(t *testing.T) {
			t.Parallel() // in the same harness
			b := h.Browser()
			b.SignInAndGo("carol")
			time.Sleep(2100 * time.Millisecond)
			if !shown(b, "carol") {
				t.Fatal("carol's own account is not shown")
			}
			var g *heldGET
			if held {
				g = holdGET(t, h, b, "/account")
			}
			c, err := net.Dial("tcp", strings.TrimPrefix(h.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			fmt.Fprint(c, rawRequest(h, b, "GET", "/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"))
			buf := make([]byte, 4096)
			n, _ := c.Read(buf)
			t.Logf("tunnel: %.40q", buf[:n])
			time.Sleep(200 * time.Millisecond)
			fmt.Fprint(c, "x")
			time.Sleep(2500 * time.Millisecond)
			all := ""
			if held {
				all = g.finish()
			} else {
				p := b.Get("/account")
				all = fmt.Sprint(p.Status, p.Header, p.Body)
			}
			t.Logf("%.400s", all)
			if strings.Contains(all, harness.SecretOf("alice")) {
				t.Error("LEAK: alice's page")
			}
		})
	}
}

// rawRequest is a request over HTTP/1.1 with a navigation's headers, as bytes.
func rawRequest(h *harness.Harness, b *harness.Browser, method, path, extra string) string {
	text := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, strings.TrimPrefix(h.URL, "http://"))
	for name, values := range b.Request(method, path, nil).Header {
		text += name + ": " + values[0] + "\r\n"
	}
	return text + strings.TrimSuffix(cookieLine(b), "\n") + "\r\n" + extra + "\r\n"
}

// TestAttack_HeldBodyOverEnrolment: an attacker with the password withholds the last byte of a
// form until the owner has enrolled.
func TestAttack_HeldBodyOverEnrolment(t *testing.T) {
	for _, lines := range []string{"", "\nrotates"} {
		t.Run(strings.TrimSpace("lines:"+lines), func(t *testing.T) {
			portal := &harness.Legacy{Rotate: true}
			h := harness.Start(t, portal, harness.LegacyLines+lines)
			thief := h.Browser()
			thief.SignInAndGo("alice")
			if !shown(thief, "alice") {
				t.Fatal("nothing is shown to who owes nothing")
			}
			time.Sleep(200 * time.Millisecond)
			c, err := net.Dial("tcp", strings.TrimPrefix(h.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, _ = io.WriteString(c, rawRequest(h, thief, "POST", "/transfer", "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\nConnection: close\r\n")+"amount=1")
			time.Sleep(300 * time.Millisecond)

			owner := h.Browser()
			owner.SignIn("alice")
			owner.Enrol()
			if shown(thief, "alice") {
				t.Fatal("the thief still sees the account")
			}
			_, _ = io.WriteString(c, "0")
			raw, _ := io.ReadAll(bufio.NewReader(c))
			t.Logf("%.600s", raw)
			if strings.Contains(string(raw), harness.SecretOf("alice")) {
				t.Error("LEAK: a page of alice's")
			}
			if portal.Last("/transfer") != nil {
				t.Error("the transfer was carried out after alice had enrolled")
			}
		})
	}
}

// TestAttack_HeldBodyOverEnd: a cleared browser withholds the last byte of a form until the owner
// ends that session from elsewhere.
func TestAttack_HeldBodyOverEnd(t *testing.T) {
	for _, lines := range []string{"", "\nrotates"} {
		t.Run(strings.TrimSpace("lines:"+lines), func(t *testing.T) {
			portal := &harness.Legacy{Rotate: true}
			h := harness.Start(t, portal, harness.LegacyLines+lines)
			d := enrolled(h, "alice")
			left := cleared(t, h, "alice", d)
			owner := cleared(t, h, "alice", d)
			if !shown(left, "alice") || !shown(owner, "alice") {
				t.Fatal("not through")
			}
			time.Sleep(200 * time.Millisecond)
			c, err := net.Dial("tcp", strings.TrimPrefix(h.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, _ = io.WriteString(c, rawRequest(h, left, "POST", "/transfer", "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\nConnection: close\r\n")+"amount=1")
			time.Sleep(300 * time.Millisecond)
			page := owner.Get("/two-factor/").Body
			for _, m := range regexp.MustCompile(`name="visit" value="([0-9a-f]+)"`).FindAllStringSubmatch(page, -1) {
				if !strings.Contains(page[strings.Index(page, m[1]):][:200], "this browser") {
					owner.Post("/two-factor/", url.Values{"action": {"end"}, "visit": {m[1]}})
					if !shown(owner, "alice") {
						t.Fatal("ended the wrong one")
					}
					break
				}
			}
			if shown(left, "alice") {
				t.Fatal("the other session was not ended: the test shows nothing")
			}
			_, _ = io.WriteString(c, "0")
			raw, _ := io.ReadAll(bufio.NewReader(c))
			t.Logf("%.200s", raw)
			if strings.Contains(string(raw), harness.SecretOf("alice")) {
				t.Error("LEAK: a page of alice's")
			}
			if portal.Last("/transfer") != nil {
				t.Error("the transfer was carried out in a session that had ended")
			}
		})
	}
}
