package protocol

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestProtocols takes a cleared browser of every protocol through what a response
// can be.
func TestProtocols(t *testing.T) {
	p := newPortal()
	s := serve(t, p, "")
	each(t, s, func(t *testing.T, b *harness.Browser, protocol string) {
		t.Run("page", func(t *testing.T) { page(t, b, protocol) })
		t.Run("questions", func(t *testing.T) { questions(t, p, b) })
		t.Run("body of a GET", func(t *testing.T) { bodyOfGet(t, b) })
		t.Run("cookies", func(t *testing.T) { cookies(t, b, protocol) })
		t.Run("events", func(t *testing.T) { events(t, p, b) })
		t.Run("early hints", func(t *testing.T) { earlyHints(t, b) })
		t.Run("trailers", func(t *testing.T) { trailing(t, b) })
		t.Run("range", func(t *testing.T) { ranges(t, b) })
		t.Run("upload", func(t *testing.T) { upload(t, p, b) })
		t.Run("client goes away", func(t *testing.T) { goesAway(t, p, b) })
		t.Run("upstream dies", func(t *testing.T) { upstreamDies(t, b) })
	})
	if log := s.LogText(); strings.Contains(log, "panic") {
		t.Errorf("a panic in the log")
	}
}

func page(t *testing.T, b *harness.Browser, protocol string) {
	res, err := b.Client.Do(b.Request("GET", "/account", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || !strings.Contains(string(body), harness.SecretOf("alice")) {
		t.Errorf("%d %s, %v", res.StatusCode, body, err)
	}
	if res.ProtoMajor != majors[protocol] {
		t.Errorf("spoke %s", res.Proto)
	}
}

// questions checks that a GET without a body is a safe request in every protocol and leads to no
// question, also if its headers do not say that it has no body, as in HTTP/3.
func questions(t *testing.T, p *portal, b *harness.Browser) {
	b.Get("/account")
	before := p.Asked()
	b.Get("/account")
	if n := p.Asked() - before; n != 0 {
		t.Errorf("a GET cost %d questions", n)
	}
}

// bodyOfGet: a GET that has a body keeps it, of known length or not.
func bodyOfGet(t *testing.T, b *harness.Browser) {
	for _, body := range []io.Reader{strings.NewReader("content"), struct{ io.Reader }{strings.NewReader("content")}} {
		if p := b.Do(b.Request("GET", "/echo", body)); p.Status != 200 || p.Body != "content" {
			t.Errorf("%T: %d %q", body, p.Status, p.Body)
		}
	}
}

// cookies have the strictest names and attributes that the connection allows.
func cookies(t *testing.T, b *harness.Browser, _ string) {
	secure := strings.HasPrefix(b.Base, "https")
	p := b.Get("/rotate")
	lines := p.Header["Set-Cookie"]
	if len(lines) == 0 {
		t.Fatal("no cookie was set")
	}
	for _, line := range lines {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if c.Secure != secure || strings.HasPrefix(c.Name, "__Host-") != secure {
			t.Errorf("over %s: %q", b.Base, line)
		}
		if !c.HttpOnly || c.Path != "/" || c.Domain != "" {
			t.Errorf("attributes: %q", line)
		}
	}
	for name := range b.Cookies("/") {
		if strings.Contains(name, "PHPSESSID") {
			t.Errorf("the portal's own name is in the browser: %s", name)
		}
	}
}

// events arrive when they are sent: the portal sends the next one only when the
// test has read the last.
func events(t *testing.T, p *portal, b *harness.Browser) {
	r := b.Request("GET", "/events", nil)
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Sec-Fetch-Mode", "cors")
	r.Header.Set("Sec-Fetch-Dest", "empty")
	res, err := b.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var body io.Reader = res.Body
	if res.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(body); err != nil {
			t.Fatal(err)
		}
	}
	lines := bufio.NewScanner(body)
	for _, want := range []string{"data: 0", "data: 1", "data: 2"} {
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("got %q, %v; want %q", lines.Text(), lines.Err(), want)
		}
		lines.Scan() // the empty line
		p.step <- struct{}{}
	}
	if lines.Scan() || lines.Err() != nil {
		t.Errorf("after the last event: %q, %v", lines.Text(), lines.Err())
	}
}

// earlyHints checks that informational responses end at the gate: the final headers decide whether
// a response may pass, and an earlier one would be on the wire by then. The final response is
// complete.
func earlyHints(t *testing.T, b *harness.Browser) {
	var got []string
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		if code == http.StatusEarlyHints {
			got = append(got, h.Get("Link"))
		}
		return nil
	}}
	r := b.Request("GET", "/hints", nil)
	p := b.Do(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	if len(got) != 0 || p.Status != 200 || p.Body != "page" || p.Header.Get("Link") == "" {
		t.Errorf("hints %q before %d %q", got, p.Status, p.Body)
	}
}

func trailing(t *testing.T, b *harness.Browser) {
	r := b.Request("GET", "/trailers", nil)
	r.Header.Set("TE", "trailers")
	p := b.Do(r)
	if p.Body != "body" || p.Trailer.Get("X-Sum") != "42" || p.Trailer.Get("X-Late") != "yes" {
		t.Errorf("body %q, trailers %v", p.Body, p.Trailer)
	}
}

func ranges(t *testing.T, b *harness.Browser) {
	for _, c := range []struct {
		method, name, value string
		status              int
		body, length        string
	}{
		{"GET", "", "", 200, fileContent, "10000"},
		{"GET", "Range", "bytes=3-6", 206, "3456", "4"},
		{"GET", "Range", "bytes=20000-", 416, "invalid range: failed to overlap\n", ""},
		{"GET", "If-None-Match", `"v1"`, 304, "", ""},
		{"HEAD", "", "", 200, "", "10000"},
		{"HEAD", "Range", "bytes=3-6", 206, "", "4"},
	} {
		r := b.Request(c.method, "/file.bin", nil)
		if c.name != "" {
			r.Header.Set(c.name, c.value)
		}
		p := b.Do(r)
		if p.Status != c.status || p.Body != c.body || c.length != "" && p.Header.Get("Content-Length") != c.length {
			t.Errorf("%s %s: %d, %d bytes, length %s", c.method, c.value, p.Status, len(p.Body), p.Header.Get("Content-Length"))
		}
	}
}

// upload sends 3 MiB, more than is kept in memory.
func upload(t *testing.T, p *portal, b *harness.Browser) {
	content := bytes.Repeat([]byte("upload "), 3<<20/7)
	sum := sha256.Sum256(content)
	// A reader that hides its length: chunked, or a stream of unknown length.
	for _, body := range []io.Reader{bytes.NewReader(content), struct{ io.Reader }{bytes.NewReader(content)}} {
		r := b.Request("POST", "/upload", body)
		r.Header.Set("Origin", b.Base)
		got := b.Do(r)
		<-p.arrived
		if !strings.HasSuffix(got.Body, hex.EncodeToString(sum[:])) {
			t.Errorf("%d %.200q", got.Status, got.Body)
		}
	}
}

// goesAway leaves in the middle of a response; the portal learns of it.
func goesAway(t *testing.T, p *portal, b *harness.Browser) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	res, err := b.Client.Do(b.Request("GET", "/slow-download", nil).WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadFull(res.Body, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	cancel()
	select {
	case <-p.gone:
	case <-time.After(10 * time.Second):
		t.Error("the portal was not told")
	}
}

// upstreamDies: half a response must not look like a whole one.
func upstreamDies(t *testing.T, b *harness.Browser) {
	p, err := b.Try(b.Request("GET", "/dies", nil))
	if err == nil {
		t.Errorf("got %d %q without an error", p.Status, p.Body)
	}
	if p := b.Get("/hangs-up"); p.Status != http.StatusBadGateway {
		t.Errorf("a portal that hangs up: %d", p.Status)
	}
	if p := b.Get("/account"); !strings.Contains(p.Body, harness.SecretOf("alice")) {
		t.Errorf("afterwards: %d %s", p.Status, p.Body)
	}
}
