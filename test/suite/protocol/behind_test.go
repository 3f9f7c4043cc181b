package protocol

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/fcgi"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// block is the two_factor directive within a longer site.
const block = "two_factor {\n" + harness.LegacyLines + "\n}\n"

// TestEncode: responses are compressed in front of the gate or behind it, also those
// that are judged, and events still arrive when they are sent.
func TestEncode(t *testing.T) {
	for name, site := range map[string]string{
		"in front": "route {\nencode gzip\n" + block + "reverse_proxy PORTAL\n}",
		"behind":   "encode gzip\n" + block + "reverse_proxy PORTAL",
	} {
		t.Run(name, func(t *testing.T) {
			p := newPortal()
			s := serve(t, p, site)
			b := s.browser(t, "h1")
			compressed(t, b) // a stranger's: judged
			b.SignIn("alice")
			b.Enrol()
			compressed(t, b)
			b.Header.Set("Accept-Encoding", "gzip")
			events(t, p, b)
			if raw := b.Get("/two-factor/").Header.Get("Content-Encoding"); (raw == "gzip") != (name == "in front") {
				t.Errorf("the settings page came with encoding %q", raw)
			}
		})
	}
}

func compressed(t *testing.T, b *harness.Browser) {
	t.Helper()
	r := b.Request("GET", "/text", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	p := b.Do(r)
	unzip, err := gzip.NewReader(strings.NewReader(p.Body))
	if err != nil {
		t.Fatalf("%d, encoding %q: %v", p.Status, p.Header.Get("Content-Encoding"), err)
	}
	if body, err := io.ReadAll(unzip); err != nil || string(body) != strings.Repeat("words ", 2000) {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}

// TestFileServer: files behind the gate are complete, in ranges too, and are refused to a user who
// owes a code. An asset is open to all.
func TestFileServer(t *testing.T) {
	root := t.TempDir()
	for name, content := range map[string]string{"report.txt": fileContent, "style.css": "p { color: red }"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := serve(t, newPortal(), block+"handle_path /files/* {\nroot "+root+"\nfile_server\n}\nhandle {\nreverse_proxy PORTAL\n}")
	b := s.browser(t, "h1")
	b.SignIn("alice")
	device := b.Enrol()
	r := b.Request("GET", "/files/report.txt", nil)
	r.Header.Set("Range", "bytes=0-3")
	if p := b.Do(r); p.Status != http.StatusPartialContent || p.Body != "0123" {
		t.Errorf("range: %d %q", p.Status, p.Body)
	}
	if p := b.Get("/files/report.txt"); p.Status != 200 || p.Body != fileContent {
		t.Errorf("file: %d, %d bytes", p.Status, len(p.Body))
	}
	b.Get("/logout")
	b.SignIn("alice")
	if p := b.Get("/files/report.txt"); p.Status != http.StatusSeeOther || strings.Contains(p.Body, "0123") {
		t.Errorf("owing a code: %d", p.Status)
	}
	if p := b.Fetch("GET", "/files/style.css", "", ""); p.Status != 200 || !strings.Contains(p.Body, "red") {
		t.Errorf("asset: %d %q", p.Status, p.Body)
	}
	if p := b.Pass(device.Code(t)); p.Location != "/files/report.txt" {
		t.Errorf("after the code: %d %q", p.Status, p.Location)
	}
}

// TestPHPFastCGI: whoami and pages work through FastCGI, with the right parameters for PHP.
func TestPHPFastCGI(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "index.php"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := newPortal()
	done := make(chan error, 1)
	go func() {
		done <- fcgi.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			env := fcgi.ProcessEnv(r)
			w.Header().Set("X-User", env["REMOTE_USER"])
			w.Header().Set("X-Request-URI", r.RequestURI)
			p.ServeHTTP(w, r)
		}))
	}()
	t.Cleanup(func() {
		l.Close()
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	s := serve(t, nil, block+fmt.Sprintf("root %s\nphp_fastcgi %s", root, l.Addr()))
	b := s.browser(t, "h1 over TLS")
	b.SignIn("alice")
	device := b.Enrol()
	got := b.Get("/account?x=1")
	if !strings.Contains(got.Body, harness.SecretOf("alice")) || got.Header.Get("X-User") != "" { // see TestK8_RemoteUser
		t.Errorf("cleared: %d %q, user %q", got.Status, got.Body, got.Header.Get("X-User"))
	}
	sum := b.Fetch("POST", "/upload", "text/plain", "some upload")
	if <-p.arrived; !strings.HasPrefix(sum.Body, "11 ") {
		t.Errorf("upload: %d %q", sum.Status, sum.Body)
	}
	b.Get("/logout")
	if p := b.SignIn("alice"); p.Location != "/two-factor/challenge" || p.Header.Get("X-Portal-User") != "" {
		t.Errorf("sign-in: %d %v", p.Status, p.Header)
	}
	if p := b.Pass(device.Code(t)); p.Location != "/account" {
		t.Errorf("code: %d %q", p.Status, p.Location)
	}
}

// TestHandleErrors: Caddy's error routes answer for a portal that does not, and see no cookies of
// the portal, whatever they do with the request.
func TestHandleErrors(t *testing.T) {
	var cookies, authorization []string
	spy := http.NewServeMux()
	spy.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		cookies, authorization = r.Header["Cookie"], r.Header["Authorization"]
		fmt.Fprint(w, "sorry")
	})
	elsewhere := listen(t, spy)
	s := serve(t, newPortal(), strings.Replace(block, "sign_out", "credential header Authorization\nsign_out", 1)+
		`@down path /down
reverse_proxy @down 127.0.0.1:1
reverse_proxy PORTAL
handle_errors {
	reverse_proxy `+elsewhere+`
}`)
	b := s.browser(t, "h1")
	b.Header.Set("Authorization", "Basic x")
	check := func(when string) {
		t.Helper()
		for _, path := range []string{"/down", "/hangs-up"} {
			p := b.Get(path)
			if p.Body != "sorry" {
				t.Errorf("%s, %s: %d %q", when, path, p.Status, p.Body)
			}
			if cookies != nil || authorization != nil {
				t.Errorf("%s, %s: the error route saw %q %q", when, path, cookies, authorization)
			}
		}
		if p := b.Post("/down", url.Values{"a": {"b"}}); p.Body != "sorry" {
			t.Errorf("%s: POST: %d %q", when, p.Status, p.Body)
		}
	}
	check("a stranger")
	b.SignIn("alice")
	b.Enrol()
	check("cleared")
	b.Get("/logout")
	b.SignIn("alice")
	if p := b.Get("/down"); p.Status != http.StatusSeeOther {
		t.Errorf("owing a code: %d %q", p.Status, p.Body)
	}
}

// listen serves on loopback and returns host and port.
func listen(t *testing.T, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h}
	go server.Serve(l) //nolint:errcheck // it ends with Close
	t.Cleanup(func() { server.Close() })
	return l.Addr().String()
}

// Probe is a Caddy handler for these tests. In front of the gate it counts whole
// files that are handed through to the server's socket, and panics at status 418;
// behind it, it always panics.
type Probe struct {
	Panic bool `json:"panic,omitempty"`
}

// handedOn counts what came by ReadFrom.
var handedOn atomic.Int64

func init() {
	caddy.RegisterModule(Probe{})
	httpcaddyfile.RegisterHandlerDirective("test_probe", func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		h.Next()
		return &Probe{Panic: h.NextArg() && h.Val() == "panic"}, nil
	})
	httpcaddyfile.RegisterDirectiveOrder("test_probe", httpcaddyfile.Before, "reverse_proxy")
}

// CaddyModule returns the module's information.
func (Probe) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.test_probe", New: func() caddy.Module { return new(Probe) }}
}

// ServeHTTP counts or panics.
func (p *Probe) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if p.Panic {
		if r.FormValue("late") != "" {
			fmt.Fprint(w, "begun")
		}
		panic("a handler behind the gate is broken")
	}
	return next.ServeHTTP(&counting{&caddyhttp.ResponseWriterWrapper{ResponseWriter: w}}, r)
}

type counting struct {
	*caddyhttp.ResponseWriterWrapper
}

// ReadFrom counts.
func (c *counting) ReadFrom(r io.Reader) (int64, error) {
	n, err := c.ResponseWriterWrapper.ReadFrom(r)
	handedOn.Add(n)
	return n, err
}

// WriteHeader breaks at a status of which it is afraid.
func (c *counting) WriteHeader(status int) {
	if status == http.StatusTeapot {
		panic("a handler in front of the gate is broken")
	}
	c.ResponseWriterWrapper.WriteHeader(status)
}

// TestPanicBehind: a handler that panics ends its own request only. The visit's queue and the
// server continue.
func TestPanicBehind(t *testing.T) {
	s := serve(t, newPortal(), block+"@broken path /broken\ntest_probe @broken panic\nreverse_proxy PORTAL")
	b := s.browser(t, "h1")
	try := func(when string) {
		t.Helper()
		for _, query := range []string{"", "?late=1"} {
			for _, method := range []string{"GET", "POST"} {
				r := b.Request(method, "/broken"+query, strings.NewReader("x"))
				if p, err := b.Try(r); err == nil {
					t.Errorf("%s, %s %q: %d %q", when, method, query, p.Status, p.Body)
				}
			}
		}
		if p := b.Post("/echo", url.Values{"a": {"b"}}); p.Status != 200 || p.Body != "a=b" {
			t.Errorf("%s: afterwards: %d %q", when, p.Status, p.Body)
		}
	}
	try("a stranger")
	b.SignIn("alice")
	try("signed in")
	b.Enrol()
	try("cleared")
}

// TestPanicInFront: the same for a handler in front of the gate, which a judged
// response meets apart from its request.
func TestPanicInFront(t *testing.T) {
	s := serve(t, newPortal(), "route {\ntest_probe\n"+block+"reverse_proxy PORTAL\n}")
	b := s.browser(t, "h1")
	try := func(when string) {
		t.Helper()
		for _, method := range []string{"GET", "POST"} {
			if p, err := b.Try(b.Request(method, "/status?code=418", nil)); err == nil {
				t.Errorf("%s, %s: %d %q", when, method, p.Status, p.Body)
			}
		}
		if p := b.Post("/echo", url.Values{"a": {"b"}}); p.Status != 200 || p.Body != "a=b" {
			t.Errorf("%s: afterwards: %d %q", when, p.Status, p.Body)
		}
	}
	b.Get("/")
	try("a stranger")
	b.SignIn("alice")
	try("signed in")
	b.Enrol()
	try("cleared")
}

// TestStrangeStatus: no status line of a portal's takes the gateway down, judged or
// not.
func TestStrangeStatus(t *testing.T) {
	s := serve(t, newPortal(), "")
	b := s.browser(t, "h1")
	try := func(when string) {
		t.Helper()
		for _, code := range []string{"000", "099", "101", "204", "304", "599", "999"} {
			for _, method := range []string{"GET", "POST"} {
				p, err := b.Try(b.Request(method, "/status?code="+code, nil))
				if err == nil && p.Body != "" && p.Body != "hi" && p.Status < 500 {
					t.Errorf("%s, %s %s: %d %q", when, method, code, p.Status, p.Body)
				}
			}
		}
		if p := b.Post("/echo", url.Values{"a": {"b"}}); p.Status != 200 || p.Body != "a=b" {
			t.Errorf("%s: afterwards: %d %q", when, p.Status, p.Body)
		}
	}
	try("a stranger")
	b.SignIn("alice")
	try("signed in")
	b.Enrol()
	try("cleared")
}
