package protocol

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/house"
)

// connectAs sends an extended CONNECT over HTTP/3 for another protocol than WebSocket, and bytes after it.
func connectAs(t *testing.T, b *house.Browser, protocol, path, bytes string) (status int, header http.Header, body string) {
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

// TestAttackA_ConnectSmuggles: what follows an extended CONNECT reaches the portal as bytes on its connection,
// where it is the next request.
func TestAttackA_ConnectSmuggles(t *testing.T) {
	portal := &house.Legacy{}
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
