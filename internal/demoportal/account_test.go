package demoportal

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func signedInAlice(t *testing.T, server *httptest.Server) *browser {
	t.Helper()
	b := newBrowser(t, server)
	resp, _ := b.form("/login", "login", "alice", "password", "Correct-Horse-1")
	wantStatus(t, resp, http.StatusFound)
	return b
}

func TestSettingsAreSaved(t *testing.T) {
	_, server := newServer(t)
	b := signedInAlice(t, server)
	resp, _ := b.form("/account/settings", "display_name", "<Al>", "newsletter", "1")
	wantStatus(t, resp, http.StatusFound)
	_, body := b.get(resp.Header.Get("Location"))
	wantBody(t, body, "Your settings are saved.")
	wantBody(t, body, `value="&lt;Al&gt;"`)
	_, body = b.form("/account/settings", "display_name", " ")
	wantBody(t, body, `class="error"`)
	_, body = b.get("/account")
	wantBody(t, body, "Welcome, &lt;Al&gt;")
}

func TestTransferIsRecordedForItsCustomer(t *testing.T) {
	_, server := newServer(t)
	b := signedInAlice(t, server)
	resp, _ := b.form("/account/transfer", "domain", "alice.example", "to", "eve@example.test")
	wantStatus(t, resp, http.StatusFound)
	_, body := b.get("/account/transfer")
	wantBody(t, body, "<li>alice.example to eve@example.test")
	other := newBrowser(t, server)
	other.form("/login", "login", "bob", "password", "Battery-Staple-2")
	if _, body := other.get("/account/transfer"); strings.Contains(body, "eve@example.test") {
		t.Error("bob sees alice's transfer")
	}
}

func TestWrongTokenIsRefused(t *testing.T) {
	_, server := newServer(t)
	b := signedInAlice(t, server)
	for _, path := range []string{"/account/transfer", "/account/settings", "/login"} {
		resp, _ := b.form(path, "token", "wrong", "domain", "a", "to", "b", "display_name", "c")
		wantStatus(t, resp, http.StatusForbidden)
	}
	_, body := b.get("/account/transfer")
	_, token, _ := strings.Cut(body, `name="token" value="`)
	token, _, _ = strings.Cut(token, `"`)
	resp, _ := b.form("/account/transfer", "token", token, "domain", "alice.example", "to", "bob@example.test")
	wantStatus(t, resp, http.StatusFound)
}

func TestFiles(t *testing.T) {
	_, server := newServer(t)
	b := signedInAlice(t, server)
	_, body := b.get("/invoices")
	wantBody(t, body, `href="/files/invoice-2026-001.pdf"`)
	resp, body := b.get("/files/invoice-2026-001.pdf")
	wantStatus(t, resp, http.StatusOK)
	wantBody(t, body, "Invoice 2026-001")
	resp, _ = b.get("/files/invoice-1999-001.pdf")
	wantStatus(t, resp, http.StatusNotFound)
	resp, body = b.get("/files/big?size=100000")
	if resp.ContentLength != 100000 || len(body) != 100000 {
		t.Errorf("%d bytes announced, %d sent", resp.ContentLength, len(body))
	}
	for _, size := range []string{"", "-1", "x", "99999999999999"} {
		resp, _ = b.get("/files/big?size=" + size)
		wantStatus(t, resp, http.StatusBadRequest)
	}
	_, body = b.post("/files/upload", "application/octet-stream", strings.Repeat("b", 200_000))
	wantBody(t, body, `"bytes":200000`)
}

func TestClockEvents(t *testing.T) {
	_, server := newServer(t)
	b := signedInAlice(t, server)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/clock", nil)
	resp, err := b.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	line, err := bufio.NewReader(resp.Body).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if _, err := time.Parse("data: "+time.RFC3339+"\n", line); err != nil {
		t.Errorf("event %q: %v", line, err)
	}
}

func TestClockSocket(t *testing.T) {
	_, server := newServer(t)
	b := signedInAlice(t, server)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, resp, err := websocket.Dial(ctx, server.URL+"/clock/ws", &websocket.DialOptions{HTTPClient: b.http})
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body != nil {
		defer resp.Body.Close()
	}
	defer func() { _ = conn.CloseNow() }()
	_, message, err := conn.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := time.Parse(time.RFC3339, string(message)); err != nil {
		t.Error(err)
	}
}

func TestStartServesUntilTheContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s, err := Start(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(s.URL + "/login")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	wantStatus(t, resp, http.StatusOK)
	cancel()
	if err := s.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := http.Get(s.URL); err == nil {
		t.Error("it still answers")
	}
}

func TestStartRefusesOtherAddresses(t *testing.T) {
	for _, addr := range []string{":8081", "0.0.0.0:8081", "192.0.2.1:8081"} {
		if _, err := Start(t.Context(), addr); !errors.Is(err, ErrNotLoopback) {
			t.Errorf("%s: %v", addr, err)
		}
	}
}
