package demoportal

import (
	"bytes"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// browser is a client with cookies that follows no redirects.
type browser struct {
	t    *testing.T
	base string
	jar  *cookiejar.Jar
	http *http.Client
}

func newBrowser(t *testing.T, server *httptest.Server) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, server.URL, jar, &http.Client{
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func newServer(t *testing.T) (*Portal, *httptest.Server) {
	p := New()
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return p, server
}

func (b *browser) do(req *http.Request) (*http.Response, string) {
	b.t.Helper()
	resp, err := b.http.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp, string(body)
}

func (b *browser) get(path string) (*http.Response, string) {
	b.t.Helper()
	req, err := http.NewRequest(http.MethodGet, b.base+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(req)
}

func (b *browser) post(path, contentType, body string) (*http.Response, string) {
	b.t.Helper()
	req, err := http.NewRequest(http.MethodPost, b.base+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	return b.do(req)
}

func (b *browser) form(path string, fields ...string) (*http.Response, string) {
	b.t.Helper()
	v := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		v.Set(fields[i], fields[i+1])
	}
	return b.post(path, "application/x-www-form-urlencoded", v.Encode())
}

func (b *browser) cookie(name string) string {
	u, _ := url.Parse(b.base)
	for _, c := range b.jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func wantStatus(t *testing.T, resp *http.Response, status int) {
	t.Helper()
	if resp.StatusCode != status {
		t.Fatalf("%s %s: status %d, want %d", resp.Request.Method, resp.Request.URL, resp.StatusCode, status)
	}
}

func wantBody(t *testing.T, body, part string) {
	t.Helper()
	if !strings.Contains(body, part) {
		t.Fatalf("body lacks %q:\n%s", part, body)
	}
}

func TestStrangersAreSentToSignIn(t *testing.T) {
	_, server := newServer(t)
	b := newBrowser(t, server)
	for _, path := range []string{"/account", "/invoices", "/account/settings", "/account/transfer", "/files/invoice-2026-001.pdf", "/files/big?size=3"} {
		resp, _ := b.get(path)
		wantStatus(t, resp, http.StatusFound)
		if got, want := resp.Header.Get("Location"), "/login?next="+url.QueryEscape(path); got != want {
			t.Errorf("%s: Location %q, want %q", path, got, want)
		}
	}
	for _, path := range []string{"/api/me", "/clock", "/clock/ws"} {
		resp, _ := b.get(path)
		wantStatus(t, resp, http.StatusUnauthorized)
	}
	resp, body := b.get("/")
	wantStatus(t, resp, http.StatusOK)
	if strings.Contains(body, "username") {
		t.Error("the front page shows a stranger a user name")
	}
}

func TestSignInKeepsTheSessionID(t *testing.T) {
	_, server := newServer(t)
	b := newBrowser(t, server)
	resp, _ := b.get("/login?next=/invoices")
	if len(resp.Cookies()) != 1 {
		t.Fatalf("the first page sets %d cookies, want 1", len(resp.Cookies()))
	}
	before := b.cookie(SessionCookie)
	resp, _ = b.form("/login", "login", "alice", "password", "Correct-Horse-1", "next", "/invoices")
	wantStatus(t, resp, http.StatusFound)
	if got := resp.Header.Get("Location"); got != "/invoices" {
		t.Errorf("Location %q", got)
	}
	if len(resp.Cookies()) != 0 || b.cookie(SessionCookie) != before {
		t.Error("the session id changed")
	}
	_, body := b.get("/account")
	wantBody(t, body, `<input id="account-id" value="1001" readonly>`)
	wantBody(t, body, `<b class="username">alice</b>`)
	wantBody(t, body, `value="alice@example.test"`)
}

func TestSignInTakesEverySpelling(t *testing.T) {
	_, server := newServer(t)
	for login, id := range map[string]string{
		"alice": "1001", "ALICE": "1001", "  alice ": "1001", "Alice@Example.Test": "1001",
		"bob@example.test": "1002",
	} {
		password := map[string]string{"1001": "Correct-Horse-1", "1002": "Battery-Staple-2"}[id]
		b := newBrowser(t, server)
		b.form("/login", "login", login, "password", password)
		_, body := b.get("/api/me")
		wantBody(t, body, `"id":`+id)
	}
}

func TestEverySampleCustomerSignsIn(t *testing.T) {
	_, server := newServer(t)
	for _, c := range Customers() {
		b := newBrowser(t, server)
		resp, _ := b.form("/login", "login", c.Name, "password", c.Password)
		wantStatus(t, resp, http.StatusFound)
		_, body := b.get("/account")
		wantBody(t, body, "Welcome, "+c.FullName)
	}
}

func TestWrongPasswordSignsNobodyIn(t *testing.T) {
	_, server := newServer(t)
	b := newBrowser(t, server)
	for _, c := range [][2]string{{"alice", "Battery-Staple-2"}, {"alice", ""}, {"nobody", ""}, {"", ""}} {
		resp, body := b.form("/login", "login", c[0], "password", c[1])
		wantStatus(t, resp, http.StatusOK)
		wantBody(t, body, `class="error"`)
	}
	resp, _ := b.get("/api/me")
	wantStatus(t, resp, http.StatusUnauthorized)
}

func TestChosenSessionIDIsAdopted(t *testing.T) {
	_, server := newServer(t)
	b := newBrowser(t, server)
	u, _ := url.Parse(server.URL)
	b.jar.SetCookies(u, []*http.Cookie{{Name: SessionCookie, Value: "chosen0by0attacker"}})
	resp, _ := b.form("/login", "login", "bob", "password", "Battery-Staple-2")
	if len(resp.Cookies()) != 0 {
		t.Errorf("cookies set: %v", resp.Cookies())
	}
	_, body := b.get("/api/me")
	wantBody(t, body, `"id":1002`)
}

func TestForeignNextIsIgnored(t *testing.T) {
	_, server := newServer(t)
	for _, next := range []string{"//evil.example", `/\evil.example`, "https://evil.example", "/\tx", ""} {
		b := newBrowser(t, server)
		resp, _ := b.form("/login", "login", "bob", "password", "Battery-Staple-2", "next", next)
		if got := resp.Header.Get("Location"); got != "/account" {
			t.Errorf("next %q leads to %q", next, got)
		}
	}
}

func TestJSONSignIn(t *testing.T) {
	_, server := newServer(t)
	b := newBrowser(t, server)
	resp, _ := b.post("/api/login", "application/json", `{"login":"alice","password":"wrong"}`)
	wantStatus(t, resp, http.StatusUnauthorized)
	resp, _ = b.post("/api/login", "application/json", `{`)
	wantStatus(t, resp, http.StatusBadRequest)
	resp, body := b.post("/api/login", "application/json", `{"login":"ALICE","password":"Correct-Horse-1"}`)
	wantStatus(t, resp, http.StatusOK)
	wantBody(t, body, `"id":1001`)
	resp, _ = b.get("/api/me")
	wantStatus(t, resp, http.StatusOK)
}

func TestRememberedBrowserSignsInByItself(t *testing.T) {
	p, server := newServer(t)
	now := time.Now()
	p.Clock = func() time.Time { return now }
	b := newBrowser(t, server)
	b.form("/login", "login", "alice", "password", "Correct-Horse-1", "remember", "1")
	now = now.Add(29 * 24 * time.Hour) // the session has long gone idle
	_, body := b.get("/api/me")
	wantBody(t, body, `"id":1001`)
	now = now.Add(2 * 24 * time.Hour)
	resp, _ := b.get("/api/me")
	wantStatus(t, resp, http.StatusUnauthorized)
}

func TestSignOutEndsTheSessionOnTheServer(t *testing.T) {
	_, server := newServer(t)
	b := newBrowser(t, server)
	b.form("/login", "login", "alice", "password", "Correct-Horse-1", "remember", "1")
	session, remember := b.cookie(SessionCookie), b.cookie(RememberCookie)
	if session == "" || remember == "" {
		t.Fatal("not signed in")
	}
	resp, _ := b.get("/logout")
	wantStatus(t, resp, http.StatusFound)
	if b.cookie(SessionCookie) != "" || b.cookie(RememberCookie) != "" {
		t.Error("the browser keeps a cookie")
	}
	req, _ := http.NewRequest(http.MethodGet, server.URL+"/api/me", nil)
	req.Header.Set("Cookie", SessionCookie+"="+session+"; "+RememberCookie+"="+remember)
	resp, _ = newBrowser(t, server).do(req)
	wantStatus(t, resp, http.StatusUnauthorized)
}

func TestSessionsAreBounded(t *testing.T) {
	p := New()
	for range maxSessions + 100 {
		p.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/login", nil))
	}
	if n := len(p.sessions); n > maxSessions {
		t.Errorf("%d sessions, at most %d allowed", n, maxSessions)
	}
}

func TestStaticFilesOpenNoSession(t *testing.T) {
	_, server := newServer(t)
	for _, path := range []string{"/static/style.css", "/static/logo.svg", "/static/clock.js"} {
		resp, body := newBrowser(t, server).get(path)
		wantStatus(t, resp, http.StatusOK)
		if len(resp.Cookies()) != 0 || body == "" {
			t.Errorf("%s: %d cookies, %d bytes", path, len(resp.Cookies()), len(body))
		}
	}
}

func TestInvoiceIsAPDF(t *testing.T) {
	document := pdf("one (1)", `two \ 2`)
	if !bytes.HasPrefix(document, []byte("%PDF-1.4\n")) || !bytes.HasSuffix(document, []byte("%%EOF\n")) {
		t.Fatal("not a PDF")
	}
	// The table of contents must point at its objects, or viewers have to repair the file.
	at := bytes.Index(document, []byte("xref\n"))
	for i, row := range strings.Split(string(document[at:]), "\n")[3:8] {
		var offset int
		for _, digit := range row[:10] {
			offset = offset*10 + int(digit-'0')
		}
		if want := string(rune('1'+i)) + " 0 obj"; !bytes.HasPrefix(document[offset:], []byte(want)) {
			t.Errorf("entry %d points at %q", i+1, document[offset:offset+8])
		}
	}
}
