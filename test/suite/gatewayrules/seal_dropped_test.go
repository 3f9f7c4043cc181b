package gatewayrules

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestSeal_UnsealedCookieIsDropped: a session that did not come through Secondgate
// does not exist.
func TestSeal_UnsealedCookieIsDropped(t *testing.T) {
	p := newProbe()
	h := harness.Start(t, p, harness.LegacyLines)
	stolen := p.SignInRaw("alice")
	b := h.Browser()
	b.Get("/")
	b.SetCookie("PHPSESSID", stolen)
	b.SetCookie("legacy_widget", "x")
	if page := b.Get("/account"); strings.Contains(page.Body, harness.SecretOf("alice")) {
		t.Fatal("a stolen session id opened")
	}
	if got := p.cookieAt(t, "/account"); got != "" {
		t.Fatalf("the portal got %q", got)
	}
	if p.Asked() != 0 {
		t.Errorf("whoami was asked %d times about nobody's credentials", p.Asked())
	}
	log := h.LogText()
	for _, want := range []string{`"cookie":"PHPSESSID","count":1}`, `"cookie":"legacy_widget","count":1}`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %s", want)
		}
	}
	if strings.Contains(log, stolen) {
		t.Error("the log tells a cookie's value")
	}
}

// TestSeal_UnsealedTwinOfSealedCookieIsDropped: the portal sees one session, ours.
func TestSeal_UnsealedTwinOfSealedCookieIsDropped(t *testing.T) {
	p := newProbe()
	h := harness.Start(t, p, harness.LegacyLines)
	stolen := p.SignInRaw("alice")
	b := h.Browser()
	b.Get(setting("/", "PHPSESSID=mine; Path=/"))
	for i, name := range []string{"PHPSESSID", "phpsessid", "PHPSESSID%00", "PHPSESSID[]", "%50HPSESSID", `"PHPSESSID"`} {
		path := fmt.Sprintf("/%d", i)
		r := b.Request(http.MethodGet, path, nil)
		r.Header.Set("Cookie", name+"="+stolen)
		b.Do(r)
		if got := p.cookieAt(t, path); got != "PHPSESSID=mine" {
			t.Errorf("beside %s the portal got %q", name, got)
		}
	}
}

// TestSeal_AmbiguousPairIsDropped: pairs that two parsers could read differently are dropped. The
// names are under leave, so that only the shape decides.
func TestSeal_AmbiguousPairIsDropped(t *testing.T) {
	p := newProbe()
	h := harness.Start(t, p, harness.LegacyLines+"\nleave ok a* A* b* n*")
	for i, odd := range []string{
		`a="x"`, `a=x\y`, "a=x\x80", "a=\xc3\xa4", "a", "=x", "a=x,y", "a=x y", "a=x\ty", "a[0]=x", "a%62=x", "a+b=x", "$Path=/x", "a b=x",
		`a="x; b=y"`, strings.Repeat("n", 200) + "=x", "a=1; a=2", "a.b=1; a_b=2", "A=1; a=2",
	} {
		path := fmt.Sprintf("/%d", i)
		b := h.Browser()
		r := b.Request(http.MethodGet, path, nil)
		r.Header["Cookie"] = []string{odd + "; ok=1"}
		if page := b.Do(r); page.Status != http.StatusOK {
			t.Errorf("%q: %d", odd, page.Status)
			continue
		}
		got := p.cookieAt(t, path)
		if strings.Contains(odd, "b=y") { // the quote does not hold it together
			got = strings.Replace(got, `b=y"; `, "", 1)
		}
		if got != "ok=1" {
			t.Errorf("of %q the portal got %q", odd, got)
		}
	}
}

// TestSeal_ImpossibleCookieHeaderIsRefused: no honest client sends these.
func TestSeal_ImpossibleCookieHeaderIsRefused(t *testing.T) {
	p := newProbe()
	h := harness.Start(t, p, harness.LegacyLines)
	pairs := func(n int) string { return strings.TrimSuffix(strings.Repeat("a=1; ", n), "; ") }
	tests := []struct {
		name, header string
		refused      bool
	}{
		{"one line", "Cookie: a=1; b=2\r\n", false},
		{"two lines", "Cookie: a=1\r\nCookie: b=2\r\n", true},
		{"two lines in other spellings", "Cookie: a=1\r\ncOOKIE: b=2\r\n", true},
		{"200 pairs", "Cookie: " + pairs(200) + "\r\n", false},
		{"201 pairs", "Cookie: " + pairs(201) + "\r\n", true},
		{"201 semicolons", "Cookie: " + strings.Repeat(";", 201) + "\r\n", true},
		{"a NUL", "Cookie: a=1\x00; b=2\r\n", true},
		{"an escape", "Cookie: a=1\x1b\r\n", true},
		{"a DEL", "Cookie: a=1\x7f\r\n", true},
		{"a bare CR", "Cookie: a=1\rb=2\r\n", true},
	}
	for i, tt := range tests {
		for _, path := range []string{fmt.Sprintf("/%d", i), "/two-factor/challenge"} {
			status := raw(t, h, "GET "+path+" HTTP/1.1\r\nHost: "+strings.TrimPrefix(h.URL, "http://")+"\r\nConnection: close\r\n"+tt.header+"\r\n")
			if refused := status == http.StatusBadRequest; refused != tt.refused {
				t.Errorf("%s to %s: %d", tt.name, path, status)
			}
			if arrived := p.Last(path) != nil; arrived && status == http.StatusBadRequest {
				t.Errorf("%s: forwarded all the same", tt.name)
			}
		}
	}
}

// raw sends bytes and returns the status of the answer.
func raw(t *testing.T, h *harness.Harness, request string) int {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

// TestSeal_CookieLinesOfHTTP2AreOne: there a browser may send one line per cookie.
func TestSeal_CookieLinesOfHTTP2AreOne(t *testing.T) {
	p := newProbe()
	h := harness.Start(t, p, harness.LegacyLines+"\nleave a b")
	b := h.Browser()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	b.Client.Transport = transport
	t.Cleanup(transport.CloseIdleConnections)
	r := b.Request(http.MethodGet, "/x", nil)
	r.Header["Cookie"] = []string{"a=1", "b=2"}
	if page := b.Do(r); page.Status != http.StatusOK {
		t.Fatalf("%d", page.Status)
	}
	if got := p.cookieAt(t, "/x"); got != "a=1; b=2" {
		t.Errorf("the portal got %q", got)
	}
}

// TestSeal_SessionIDInURLIsTakenOut: everything else of the URL keeps its bytes.
func TestSeal_SessionIDInURLIsTakenOut(t *testing.T) {
	p := newProbe()
	h := harness.Start(t, p, harness.LegacyLines)
	b := h.Browser()
	b.Get(setting("/", "MoodleSession=1; Path=/", "app.sess=1; Path=/"))
	for uri, want := range map[string]string{
		"/a;jsessionid=1":                     "/a",
		"/b;JSESSIONID=1;x=2/c?y=3":           "/b;x=2/c?y=3",
		"/d%3bjsessionid=1":                   "/d",
		"/e?PHPSESSID=1":                      "/e",
		"/f?a=1&phpsessid=1&b=2":              "/f?a=1&b=2",
		"/g?%50HPSESSID=1&b=%20":              "/g?b=%20",
		"/h?PHPSESSID[]=1":                    "/h",
		"/i?a=1;PHPSESSID=1":                  "/i?a=1",
		"/j?MoodleSession=1&moodlesession=2&": "/j?",
		"/k?app.sess=1&app_sess=2":            "/k",
		"/(S(abc))/l":                         "/l",
		"/m?session=1&sid=2":                  "/m?session=1&sid=2",
		"/n;v=1?q=PHPSESSID=1":                "/n;v=1?q=PHPSESSID=1",
	} {
		b.Get(uri)
		all := p.Requests()
		if got := all[len(all)-1].RequestURI; strings.TrimSuffix(got, "&") != strings.TrimSuffix(want, "&") && strings.TrimSuffix(got, "?&") != strings.TrimSuffix(want, "?") {
			t.Errorf("of %s the portal got %s, want %s", uri, got, want)
		}
	}
	stranger := h.Browser()
	stranger.Get("/o?MoodleSession=1")
	if got := p.Last("/o").URL.RawQuery; got != "MoodleSession=1" {
		t.Errorf("a name that is not sealed in this visit was taken out: %q", got)
	}
}

// TestSeal_LeaveBuiltIn: cookies that scripts are known to need pass unsealed in both directions,
// and are no credentials.
func TestSeal_LeaveBuiltIn(t *testing.T) {
	p := newProbe()
	h := harness.Start(t, p, harness.LegacyLines)
	b := h.Browser()
	line := "XSRF-TOKEN=abc; Path=/app; Secure; SameSite=Strict"
	page := b.Get(setting("/", line, "_ga=1; Path=/"))
	if !slices.Contains(page.Header["Set-Cookie"], line) {
		t.Errorf("of %q the browser got %q", line, page.Header["Set-Cookie"])
	}
	b = h.Browser()
	r := b.Request(http.MethodGet, "/x", nil)
	r.Header.Set("Cookie", "XSRF-TOKEN=abc; lang=fi; theme=dark; _ga_X1=2; other=3")
	b.Do(r)
	if got := p.cookieAt(t, "/x"); got != "XSRF-TOKEN=abc; lang=fi; theme=dark; _ga_X1=2" {
		t.Errorf("the portal got %q", got)
	}
	if p.Asked() != 0 {
		t.Errorf("whoami was asked %d times", p.Asked())
	}
}

// TestSeal_LeaveOfTheOperatorIsACredential: it goes to whoami and into the key, so
// that a wrong leave opens nothing.
func TestSeal_LeaveOfTheOperatorIsACredential(t *testing.T) {
	p := newProbe()
	p.also = func(w http.ResponseWriter, r *http.Request) bool {
		c, err := r.Cookie("token_1")
		if r.URL.Path != "/me" || err != nil {
			return false
		}
		fmt.Fprintf(w, `{"user":%q}`, c.Value)
		return true
	}
	h := harness.Start(t, p, harness.LegacyLines+"\nleave token_*")
	alice := h.Browser()
	alice.SignIn("alice")
	alice.Enrol()

	b := h.Browser()
	b.SetCookie("token_1", "carol")
	b.Get("/account")
	if got := p.cookieAt(t, "/account"); got != "token_1=carol" {
		t.Errorf("the portal got %q", got)
	}
	b.SetCookie("token_1", "alice") // written by a script
	arrived := len(p.Requests())
	if page := b.Get("/account"); page.Location != "/two-factor/challenge" {
		t.Errorf("signed in by a left cookie: %d %q", page.Status, page.Location)
	}
	if p.question().Header.Get("Cookie") != "token_1=alice" || len(p.Requests()) != arrived {
		t.Error("the left cookie was not asked about before it was forwarded")
	}
	page := h.Browser().Get(setting("/", "token_1=bob; Path=/"))
	if page.Status != http.StatusOK || !slices.Contains(page.Header["Set-Cookie"], "token_1=bob; Path=/") {
		t.Errorf("a left cookie of the portal: %d %q", page.Status, page.Header["Set-Cookie"])
	}
	page = h.Browser().Get(setting("/", "token_1=alice; Path=/"))
	if page.Location != "/two-factor/challenge" {
		t.Errorf("the portal signs in by a left cookie: %d", page.Status)
	}
}

// TestSeal_OwnNamesNeverReachThePortal, trusted requests included.
func TestSeal_OwnNamesNeverReachThePortal(t *testing.T) {
	p := newProbe()
	h := harness.Start(t, p, harness.LegacyLines+"\nleave ok sg* SG* __Host-* __host-* secondgate-*\ntrust /hook")
	for _, path := range []string{"/x", "/hook"} {
		b := h.Browser()
		r := b.Request(http.MethodGet, path, nil)
		r.Header.Set("Cookie", "ok=1; sg=a; sg-x=b; SG-y=c; __Host-sg=d; __Host-sg-z=e; __host-SG=f; secondgate-return=g; __Host-secondgate-x=h; sgx=2")
		b.Do(r)
		if got := p.cookieAt(t, path); got != "ok=1; sgx=2" {
			t.Errorf("at %s the portal got %q", path, got)
		}
	}
}

func TestSeal_PortalCannotSetOwnNames(t *testing.T) {
	h := harness.Start(t, newProbe(), harness.LegacyLines+"\nleave fine sg* SG* __Host-* __host-* secondgate-*\ntrust /hook\npublic /public")
	for _, path := range []string{"/x", "/hook", "/public"} {
		b := h.Browser()
		visit := cookies(b.Get("/"))["sg"].Value
		page := b.Get(setting(path, "sg=planted", "sg-x=planted", "SG-Y=planted", "__Host-sg=planted; Secure; Path=/", "secondgate-return=planted", " sg =planted", "fine=1"))
		for _, line := range page.Header["Set-Cookie"] {
			if strings.Contains(line, "planted") {
				t.Errorf("at %s the portal set %s", path, line)
			}
		}
		if got := b.Cookies("/")["sg"]; got != visit {
			t.Errorf("at %s the portal changed the visit to %q", path, got)
		}
	}
}

// TestSeal_ErrorRoutesSeeNoCredentials: Caddy's handle_errors gets the original
// request, and may proxy it.
func TestSeal_ErrorRoutesSeeNoCredentials(t *testing.T) {
	p := newProbe()
	h := harness.StartSite(t, p, `two_factor {
`+harness.LegacyLines+`
leave token
credential header Authorization
}
handle /broken {
	reverse_proxy 127.0.0.1:1
}
handle /erring {
	error 500
}
handle {
	reverse_proxy PORTAL
}
handle_errors {
	reverse_proxy PORTAL
}`)
	b := h.Browser()
	b.SignIn("alice")
	for _, path := range []string{"/broken", "/erring"} {
		r := b.Request(http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer x")
		r.Header.Set("Cookie", "PHPSESSID="+p.SignInRaw("bob")+"; token=1")
		page := b.Do(r)
		got := p.Last(path)
		if got == nil {
			t.Fatalf("%s: the error route was not reached: %d", path, page.Status)
		}
		if got.Header["Cookie"] != nil || got.Header["Authorization"] != nil || strings.Contains(page.Body, "secret") {
			t.Errorf("%s: the error route got Cookie %q, Authorization %q", path, got.Header["Cookie"], got.Header["Authorization"])
		}
	}
}
