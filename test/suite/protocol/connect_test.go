package protocol

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// connectAs sends an extended CONNECT over HTTP/3 for another protocol than WebSocket, and bytes after it.
func connectAs(t *testing.T, b *harness.Browser, protocol, path, bytes string) (status int, header http.Header, body string) {
	t.Helper()
	pr, pw := io.Pipe()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	t.Cleanup(cancel)
	r := b.Request(http.MethodConnect, path, pr).WithContext(ctx)
	r.Proto = protocol
	for _, c := range b.Client.Jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	go func() {
		_, _ = io.WriteString(pw, bytes)
		time.Sleep(500 * time.Millisecond)
		_ = pw.Close()
	}()
	res, err := b.Client.Transport.RoundTrip(r)
	if err != nil {
		t.Logf("CONNECT: %v", err)
		return 0, nil, ""
	}
	defer res.Body.Close()
	raw, _ := io.ReadAll(res.Body)
	return res.StatusCode, res.Header, string(raw)
}

// TestAttack_ConnectSmuggles: the bytes after an extended CONNECT for another protocol than
// WebSocket would be the next request on a connection to the portal.
func TestAttack_ConnectSmuggles(t *testing.T) {
	portal := &harness.Legacy{}
	s := serve(t, portal, "")
	b := s.browser(t, "h3")
	b.SignInAndGo("carol")
	time.Sleep(200 * time.Millisecond)
	for _, protocol := range []string{"foo", "connect-udp", "webtransport"} {
		status, header, body := connectAs(t, b, protocol, "/account",
			"GET /smuggled-by-"+protocol+" HTTP/1.1\r\nHost: x\r\nCookie: PHPSESSID=chosen\r\nAuthorization: Bearer raw\r\n\r\n")
		t.Log(protocol, status, header, body)
		time.Sleep(300 * time.Millisecond)
		for _, r := range portal.Requests() {
			t.Log("portal:", r.Method, r.RequestURI, r.Header)
			if r.URL.Path == "/smuggled-by-"+protocol {
				t.Errorf("%s: the portal got a request that the gate never saw", protocol)
			}
		}
	}
}

// adopting is a portal that takes session ids as they come, as PHP does by default (session.use_strict_mode=0).
type adopting struct {
	mu       sync.Mutex
	users    map[string]string
	transfer []string
}

func (p *adopting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := ""
	if c, err := r.Cookie("PHPSESSID"); err == nil {
		id = c.Value
	} else {
		id = rand.Text()
		w.Header().Set("Set-Cookie", "PHPSESSID="+id+"; Path=/; HttpOnly")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.users == nil {
		p.users = make(map[string]string)
	}
	user := p.users[id]
	switch r.URL.Path {
	case "/login":
		if user = r.FormValue("user"); r.Method == http.MethodPost && r.FormValue("password") == "pw-"+user {
			p.users[id] = user
			http.Redirect(w, r, "/account", http.StatusFound)
		}
	case "/me":
		if user == "" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		fmt.Fprintf(w, `{"user":%q}`, user)
	case "/transfer":
		if r.Method == http.MethodPost && user != "" {
			p.transfer = append(p.transfer, user+" pays "+r.FormValue("amount"))
		}
	case "/report":
		p.mu.Unlock()
		time.Sleep(700 * time.Millisecond) // a slow page
		p.mu.Lock()
		fallthrough
	default:
		fmt.Fprintf(w, "<p>Hello %s</p>", user)
		if user != "" {
			fmt.Fprintf(w, "<p>%s</p>", harness.SecretOf(user))
		}
	}
}

// TestAttack_ConnectActsAsVictim: alice has a second factor. An attacker with an own account and
// with her password alone tries to act as alice and to read a page of hers.
func TestAttack_ConnectActsAsVictim(t *testing.T) {
	portal := &adopting{}
	s := serve(t, portal, "")
	alice := s.browser(t, "h1 over TLS")
	alice.SignIn("alice")
	alice.Enrol()
	b := s.browser(t, "h3")
	b.SignInAndGo("carol")
	time.Sleep(300 * time.Millisecond)
	b.Get("/account")
	smuggled := "POST /login HTTP/1.1\r\nHost: x\r\nCookie: PHPSESSID=chosen\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 28\r\n\r\nuser=alice&password=pw-alice"
	connectAs(t, b, "foo", "/account", smuggled)
	connectAs(t, b, "foo", "/account", "POST /transfer HTTP/1.1\r\nHost: x\r\nCookie: PHPSESSID=chosen\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 10\r\n\r\namount=999")
	time.Sleep(200 * time.Millisecond)
	portal.mu.Lock()
	for _, done := range portal.transfer {
		t.Errorf("ACTED: %s", done)
	}
	portal.mu.Unlock()

	// Her page comes as the response to a page of carol's that is asked for over the same connection.
	for range 5 {
		connectAndEnd(t, b, "/account", "GET /report HTTP/1.1\r\nHost: x\r\nCookie: PHPSESSID=chosen\r\n\r\n")
		if p := b.Get("/account"); strings.Contains(p.Body, harness.SecretOf("alice")) {
			t.Errorf("LEAK: %d %s", p.Status, p.Body)
			return
		}
	}
}

// connectAndEnd is connectAs that ends the stream with the bytes.
func connectAndEnd(t *testing.T, b *harness.Browser, path, bytes string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	r := b.Request(http.MethodConnect, path, io.NopCloser(strings.NewReader(bytes))).WithContext(ctx)
	r.Proto = "foo"
	for _, c := range b.Client.Jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	res, err := b.Client.Transport.RoundTrip(r)
	if err != nil {
		t.Logf("CONNECT: %v", err)
		return
	}
	defer res.Body.Close()
	_, _ = io.ReadAll(res.Body)
}

// TestAttack_ConnectTakesResponses: alice is signed in and has given her code. An attacker with an
// own account and without her password tries to get the response to one of her requests.
func TestAttack_ConnectTakesResponses(t *testing.T) {
	portal := &adopting{}
	s := serve(t, portal, "")
	alice := s.browser(t, "h1 over TLS")
	alice.SignIn("alice")
	alice.Enrol()
	b := s.browser(t, "h3")
	b.SignInAndGo("carol")
	time.Sleep(300 * time.Millisecond)
	alice.Get("/account")
	b.Get("/account")
	for range 3 {
		connectAndEnd(t, b, "/account", "GET /report HTTP/1.1\r\nHost: x\r\nCookie: PHPSESSID=none\r\n\r\n")
		done := make(chan string, 1)
		go func() {
			p, err := alice.Try(alice.Request(http.MethodGet, "/report", nil))
			if err != nil {
				done <- err.Error()
				return
			}
			done <- p.Body
		}()
		time.Sleep(400 * time.Millisecond)
		b.Get("/account") // the answer about carol is kept again
		time.Sleep(450 * time.Millisecond)
		p := b.Get("/account")
		t.Logf("alice saw %q, carol saw %q", <-done, p.Body)
		if strings.Contains(p.Body, harness.SecretOf("alice")) {
			t.Errorf("LEAK: %d %s", p.Status, p.Body)
			return
		}
	}
}

// TestAttack_ConnectAtTrusted: at an address under `trust` a stranger without any account can do the same.
func TestAttack_ConnectAtTrusted(t *testing.T) {
	portal := &adopting{}
	s := serve(t, portal, fmt.Sprintf(harness.Site, harness.LegacyLines+"\ntrust /webhooks/*", "PORTAL"))
	alice := s.browser(t, "h1 over TLS")
	alice.SignIn("alice")
	alice.Enrol()
	b := s.browser(t, "h3")
	b.Get("/")
	connectAs(t, b, "foo", "/webhooks/payment", "POST /login HTTP/1.1\r\nHost: x\r\nCookie: PHPSESSID=chosen\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 28\r\n\r\nuser=alice&password=pw-alice"+
		"POST /transfer HTTP/1.1\r\nHost: x\r\nCookie: PHPSESSID=chosen\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 10\r\n\r\namount=999")
	time.Sleep(300 * time.Millisecond)
	portal.mu.Lock()
	defer portal.mu.Unlock()
	for _, done := range portal.transfer {
		t.Errorf("ACTED: %s", done)
	}
}

// TestAttack_ConnectOverHTTP2: the same over HTTP/2, where GODEBUG=http2xconnect=1 enables
// extended CONNECT.
func TestAttack_ConnectOverHTTP2(t *testing.T) {
	portal := &harness.Legacy{}
	s := serve(t, portal, "")
	b := s.browser(t, "h2")
	b.SignInAndGo("carol")
	time.Sleep(200 * time.Millisecond)
	r := b.Request(http.MethodConnect, "/account", io.NopCloser(strings.NewReader("GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")))
	//lint:ignore SA1019 http.Transport, which is to replace it, refuses :protocol
	var tr http.RoundTripper = &http2.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots}}
	r.Header.Set(":protocol", "foo")
	for _, c := range b.Client.Jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	res, err := tr.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(res.StatusCode)
	time.Sleep(300 * time.Millisecond)
	if portal.Last("/smuggled") != nil {
		t.Error("the portal got a request that the gate never saw")
	}
}

// TestAttack_ConnectSignsIn: a CONNECT with a body of known length signs in by JSON at a portal
// that ignores the method. The gateway must not treat it as a safe request with a tunnel.
func TestAttack_ConnectSignsIn(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodConnect} {
		t.Run(method, func(t *testing.T) {
			s := serve(t, &harness.Legacy{}, fmt.Sprintf(harness.Site, "realm default\nwhoami /me {\nanonymous status 401\nuser json user\n}\nsettle 100ms", "PORTAL"))
			alice := s.browser(t, "h1 over TLS")
			alice.SignIn("alice")
			alice.Enrol()
			b := s.browser(t, "h3")
			b.SignInAndGo("carol")
			time.Sleep(300 * time.Millisecond)
			b.Get("/account")
			body := `{"user":"alice","password":"pw-alice"}`
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			r := b.Request(method, "/api/login", strings.NewReader(body)).WithContext(ctx)
			r.Header.Set("Content-Type", "application/json")
			if method == http.MethodConnect {
				r.Proto = "foo"
			}
			for _, c := range b.Client.Jar.Cookies(r.URL) {
				r.AddCookie(c)
			}
			res, err := b.Client.Transport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			raw, _ := io.ReadAll(res.Body)
			t.Log(res.StatusCode, string(raw))
			if strings.Contains(string(raw), harness.SecretOf("alice")) {
				t.Error("LEAK: the response of alice's sign-in")
			}
		})
	}
}
