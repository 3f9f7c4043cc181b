//go:build crash

package proxies

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// portal is the legacy portal with what proxies are known to break.
type portal struct {
	harness.Legacy
	// next releases the event stream's next event.
	next chan struct{}
}

func newPortal() *portal {
	p := &portal{next: make(chan struct{}, 8)}
	p.Legacy.Before = func(_ *harness.Legacy, w http.ResponseWriter, r *http.Request) bool { return p.special(w, r) }
	return p
}

func (p *portal) special(w http.ResponseWriter, r *http.Request) bool {
	switch r.URL.Path {
	case "/big":
		for i := range 4 {
			http.SetCookie(w, &http.Cookie{Name: fmt.Sprint("big", i), Value: strings.Repeat(fmt.Sprint(i), 1900), Path: "/"})
		}
		fmt.Fprint(w, "set")
	case "/count":
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%d bytes, %d cookies", n, strings.Count(r.Header.Get("Cookie"), "big"))
	case "/events":
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-p.next:
			case <-r.Context().Done():
				return true
			case <-time.After(20 * time.Second):
				return true
			}
		}
	case "/ws":
		tunnel(w, r)
	case "/cached":
		w.Header().Set("Cache-Control", "public, max-age=600")
		fmt.Fprintf(w, "made at %d", time.Now().UnixNano())
	default:
		return false
	}
	return true
}

// tunnel takes the offer of a WebSocket and sends every line back.
func tunnel(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != "websocket" {
		w.WriteHeader(http.StatusUpgradeRequired)
		return
	}
	c, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
	for {
		line, err := rw.ReadString('\n')
		if err != nil {
			return
		}
		fmt.Fprint(c, "back: "+line)
	}
}

func (s *setting) browser(t *testing.T) *harness.Browser {
	t.Helper()
	dial, config := s.client()
	b := harness.NewBrowser(t, "https://portal.example.com")
	b.Client.Transport = &http.Transport{
		DialContext:     func(context.Context, string, string) (net.Conn, error) { return dial() },
		TLSClientConfig: config, ForceAttemptHTTP2: true,
	}
	return b
}

func TestNginx(t *testing.T) {
	p := newPortal()
	s := newSetting(t, section(t, "", "caddyfile")[0], p)
	s.nginx(t, section(t, "nginx", "nginx")[0])
	s.check(t, p, true)
}

func TestHAProxy(t *testing.T) {
	p := newPortal()
	s := newSetting(t, section(t, "", "caddyfile")[0], p)
	s.haproxy(t, section(t, "HAProxy", "haproxy")[0])
	s.check(t, p, true)
}

func TestHAProxyPassesTLS(t *testing.T) {
	const heading = "HAProxy that passes TLS through"
	p := newPortal()
	s := newSetting(t, section(t, heading, "caddyfile")[0], p)
	s.haproxy(t, section(t, heading, "haproxy")[0])
	s.check(t, p, false)
}

// check goes through what the page promises of every recipe.
func (s *setting) check(t *testing.T, p *portal, named bool) {
	b := s.browser(t)
	b.Header.Set("X-Forwarded-For", "203.0.113.66")
	b.Header.Set("X-Forwarded-Proto", "http")
	b.Header.Set("Forwarded", "for=203.0.113.66;proto=http")
	b.SignIn("alice")
	device := b.Enrol()
	other := s.browser(t)
	if page := other.SignIn("alice"); page.Status != http.StatusSeeOther || !strings.Contains(page.Location, "/two-factor/") {
		t.Fatalf("a sign-in without a code: %d %s", page.Status, page.Location)
	}
	if page := other.Pass(device.Code(t)); page.Status != http.StatusSeeOther {
		t.Fatalf("the code: %d\n%.400s", page.Status, page.Body)
	}
	if page := other.Get("/account"); page.Status != http.StatusOK || !strings.Contains(page.Body, "alice") {
		t.Errorf("the account: %d\n%.400s", page.Status, page.Body)
	}
	for name := range other.Cookies("/") {
		if !strings.HasPrefix(name, "__Host-") {
			t.Errorf("cookie %s is not bound to HTTPS", name)
		}
	}
	log := s.LogText()
	if strings.Contains(log, "203.0.113.66\"") && strings.Contains(log, `"client_ip":"203.0.113.66"`) {
		t.Error("a forged X-Forwarded-For is believed")
	}
	if !strings.Contains(log, `"client_ip":"`+clientIP+`"`) {
		t.Error("the client's address is not known")
	}
	if named && strings.Contains(log, "share one address") {
		t.Error("the proxy is not trusted")
	}
	if page := other.Get("/big"); page.Body != "set" {
		t.Errorf("long cookies are not set: %d\n%.200s", page.Status, page.Body)
	}
	if page := other.Get("/count"); page.Body != "0 bytes, 4 cookies" {
		t.Errorf("long cookies do not come back: %d %.200s", page.Status, page.Body)
	}
	upload := other.Request(http.MethodPost, "/count", bytes.NewReader(make([]byte, 20<<20)))
	if page := other.Do(upload); page.Body != fmt.Sprintf("%d bytes, 4 cookies", 20<<20) {
		t.Errorf("an upload: %d %.200s", page.Status, page.Body)
	}
	s.checkEvents(t, p, other)
	s.checkTunnel(t, other)
}

// checkEvents reads one event before the next one is made.
func (s *setting) checkEvents(t *testing.T, p *portal, b *harness.Browser) {
	t.Helper()
	r := b.Request(http.MethodGet, "/events", nil)
	r.Header.Set("Accept", "text/event-stream")
	res, err := b.Client.Do(r)
	if err != nil {
		t.Error(err)
		return
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for i := range 3 {
		if !lines.Scan() || lines.Text() != fmt.Sprint("data: ", i) || !lines.Scan() {
			t.Errorf("event %d: %q, %v", i, lines.Text(), lines.Err())
			return
		}
		p.next <- struct{}{}
	}
}

// checkTunnel opens a WebSocket and has a line sent back.
func (s *setting) checkTunnel(t *testing.T, b *harness.Browser) {
	t.Helper()
	dial, config := s.client()
	plain, err := dial()
	if err != nil {
		t.Error(err)
		return
	}
	config.NextProtos = []string{"http/1.1"}
	c := tls.Client(plain, config)
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	r := b.Request(http.MethodGet, "/ws", nil)
	var cookies []string
	for name, value := range b.Cookies("/ws") {
		cookies = append(cookies, name+"="+value)
	}
	fmt.Fprintf(c, "GET /ws HTTP/1.1\r\nHost: portal.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: https://portal.example.com\r\nCookie: %s\r\n\r\n", strings.Join(cookies, "; "))
	in := bufio.NewReader(c)
	res, err := http.ReadResponse(in, r)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("no WebSocket: %v, %v", res, err)
		return
	}
	fmt.Fprint(c, "hello\n")
	if line, err := in.ReadString('\n'); line != "back: hello\n" {
		t.Errorf("through the WebSocket came %q, %v", line, err)
	}
}

// TestCache: a cache that obeys Cache-Control keeps what is public, and nothing to which a
// cookie was added.
func TestCache(t *testing.T) {
	p := newPortal()
	s := newSetting(t, section(t, "", "caddyfile")[0], p)
	recipe := strings.Replace(section(t, "nginx", "nginx")[0], "proxy_buffering off;", "proxy_cache shared;\n\t\tproxy_cache_key $uri;", 1)
	s.nginx(t, "proxy_cache_path "+s.dir+"/cache keys_zone=shared:1m;\n"+recipe)
	first := s.browser(t)
	page := first.Get("/cached") // mints the visit
	if len(page.Header["Set-Cookie"]) == 0 {
		t.Fatalf("no visit was begun: %d %v", page.Status, page.Header)
	}
	if other := s.browser(t).Get("/cached"); other.Body == page.Body {
		t.Error("the page of one visit was given out to another")
	}
	for range 3 {
		page = first.Get("/cached")
	}
	if again := first.Get("/cached"); again.Body != page.Body {
		t.Error("a public page without cookies is not cached: this test shows nothing")
	}
}
