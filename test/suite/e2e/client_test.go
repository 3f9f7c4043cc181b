//go:build browser && portals

package e2e

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
)

// client is a program with cookies that follows redirects, as an attacker or an app
// would write it.
type client struct {
	t    *testing.T
	base string
	jar  *cookiejar.Jar
	http *http.Client
	// header is sent with every request.
	header http.Header
}

// reply is a response read whole.
type reply struct {
	*http.Response
	body string
}

func newClient(t *testing.T, base string) *client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &client{t, base, jar, &http.Client{Jar: jar, Timeout: 60 * time.Second}, make(http.Header)}
}

func (c *client) do(method, path, contentType, body string) reply {
	c.t.Helper()
	req, err := http.NewRequest(method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header = c.header.Clone()
	req.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", contentType)
		req.Header.Set("Origin", c.base)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return reply{resp, string(text)}
}

func (c *client) get(path string) reply {
	c.t.Helper()
	return c.do(http.MethodGet, path, "", "")
}

// post sends a form of names and values.
func (c *client) post(path string, fields ...string) reply {
	c.t.Helper()
	v := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		v.Set(fields[i], fields[i+1])
	}
	return c.do(http.MethodPost, path, "application/x-www-form-urlencoded", v.Encode())
}

// at is where the redirects ended, as a path.
func (r reply) at() string { return r.Request.URL.Path }

// find parses the page and returns what the selector names.
func (r reply) find(t *testing.T, selector string) *goquery.Selection {
	t.Helper()
	page, err := goquery.NewDocumentFromReader(strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	return page.Find(selector)
}

// setUp turns two-factor authentication on in a signed-in client.
func (c *client) setUp() (p *phone, backup []string) {
	c.t.Helper()
	page := c.get("/two-factor/setup")
	link, _ := page.find(c.t, `a[href^="otpauth:"]`).Attr("href")
	id, _ := page.find(c.t, "input[name=setup]").Attr("value")
	p = scan(c.t, link)
	codes := c.post("/two-factor/setup", "setup", id, "code", p.code()).find(c.t, "#codes li")
	if codes.Length() == 0 {
		c.t.Fatal("no backup codes after the set-up")
	}
	return p, strings.Fields(strings.Join(codes.Map(func(_ int, s *goquery.Selection) string { return s.Text() }), " "))
}

// answer gives a code at the challenge.
func (c *client) answer(code string) reply {
	c.t.Helper()
	return c.post("/two-factor/challenge", "code", code)
}

// challenged reports whether the reply is the challenge.
func (r reply) challenged() bool { return r.at() == "/two-factor/challenge" }
