package harness

import (
	"errors"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/secondgate/secondgate/internal/clock"
)

// Browser keeps cookies as browsers do and follows no redirects.
type Browser struct {
	// Header is sent with every request, over what a navigation sends.
	Header http.Header
	// Base is the address that paths are relative to.
	Base   string
	Client *http.Client

	t testing.TB
}

// Page is what came back.
type Page struct {
	Status   int
	Header   http.Header
	Body     string
	Location string
	Trailer  http.Header
}

// Browser returns a new browser, as of a stranger.
func (h *Harness) Browser() *Browser {
	h.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return &Browser{
		Header: http.Header{}, Base: h.URL, t: h.t,
		Client: &http.Client{
			Jar: jar, Timeout: 30 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Clone returns another browser with a copy of the cookies, like that of an attacker who has
// stolen them.
func (b *Browser) Clone() *Browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.t.Fatal(err)
	}
	u, _ := url.Parse(b.Base)
	jar.SetCookies(u, b.Client.Jar.Cookies(u))
	c := *b
	client := *b.Client
	client.Jar = jar
	c.Client, c.Header = &client, b.Header.Clone()
	return &c
}

// Cookies are what the browser would send to path.
func (b *Browser) Cookies(path string) map[string]string {
	u, err := url.Parse(b.Base + path)
	if err != nil {
		b.t.Fatal(err)
	}
	out := make(map[string]string)
	for _, c := range b.Client.Jar.Cookies(u) {
		out[c.Name] = c.Value
	}
	return out
}

// SetCookie plants a cookie.
func (b *Browser) SetCookie(name, value string) {
	u, _ := url.Parse(b.Base)
	b.Client.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

// Get navigates to a path.
func (b *Browser) Get(path string) *Page {
	b.t.Helper()
	return b.Do(b.Request(http.MethodGet, path, nil))
}

// Post sends a form, as a page of this origin does.
func (b *Browser) Post(path string, form url.Values) *Page {
	b.t.Helper()
	r := b.Request(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.Base)
	return b.Do(r)
}

// Fetch is a script's request.
func (b *Browser) Fetch(method, path, contentType, body string) *Page {
	b.t.Helper()
	r := b.Request(method, path, strings.NewReader(body))
	if body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	r.Header.Set("Accept", "*/*")
	r.Header.Set("Sec-Fetch-Mode", "cors")
	r.Header.Set("Sec-Fetch-Dest", "empty")
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return b.Do(r)
}

// Request makes a request with a navigation's headers, to be changed and given to Do.
func (b *Browser) Request(method, path string, body io.Reader) *http.Request {
	b.t.Helper()
	r, err := http.NewRequest(method, b.Base+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("User-Agent", "Test/1.0")
	r.Header.Set("Accept", "text/html,*/*;q=0.8")
	r.Header.Set("Accept-Language", "en")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	maps.Copy(r.Header, b.Header)
	return r
}

// Do sends a request and reads the answer whole.
func (b *Browser) Do(r *http.Request) *Page {
	b.t.Helper()
	p, err := b.Try(r)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

// Try is Do that returns the error; it may be called from any goroutine.
func (b *Browser) Try(r *http.Request) (*Page, error) {
	again := r.Clone(r.Context()) // the client adds its cookies to what it is given
	res, err := b.Client.Do(r)
	cutOff := errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF)
	if cutOff && (r.Body == nil || r.Body == http.NoBody) {
		// A connection that waited in a listener while Caddy replaced it; browsers try again.
		res, err = b.Client.Do(again)
	}
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return &Page{
		Status: res.StatusCode, Header: res.Header, Body: string(body),
		Location: res.Header.Get("Location"), Trailer: res.Trailer,
	}, err
}

// Device is a user's authenticator app and backup codes.
type Device struct {
	Secret string
	Backup []string
}

var (
	secretPattern = regexp.MustCompile(`otpauth://totp/[^"?]*\?secret=([A-Z2-7]+)`)
	setupPattern  = regexp.MustCompile(`name="setup" value="([^"]+)"`)
	backupPattern = regexp.MustCompile(`[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}`)
)

// Code is the code of a new time step: the clock is moved on, so that a code was
// never used before.
func (d *Device) Code(t testing.TB) string {
	t.Helper()
	t.Cleanup(clock.Move(30 * time.Second))
	return d.CodeNow(t)
}

// CodeNow is the code of the present time step, used or not.
func (d *Device) CodeNow(t testing.TB) string {
	t.Helper()
	code, err := totp.GenerateCode(d.Secret, clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// Enrol sets up two-factor authentication for the signed-in user through the pages, up to the
// backup codes.
func (b *Browser) Enrol() *Device {
	b.t.Helper()
	page := b.Get("/two-factor/setup")
	body := html.UnescapeString(page.Body)
	secret, setup := secretPattern.FindStringSubmatch(body), setupPattern.FindStringSubmatch(body)
	if secret == nil || setup == nil {
		b.t.Fatalf("no set-up page: %d %s\n%.600s", page.Status, page.Location, page.Body)
	}
	d := &Device{Secret: secret[1]}
	done := b.Post("/two-factor/setup", url.Values{"setup": {setup[1]}, "code": {d.Code(b.t)}})
	if done.Status != http.StatusSeeOther {
		b.t.Fatalf("set-up refused: %d\n%.2000s", done.Status, done.Body)
	}
	d.Backup = backupPattern.FindAllString(b.Get("/two-factor/backup-codes").Body, -1)
	if len(d.Backup) == 0 {
		b.t.Fatal("no backup codes shown")
	}
	return d
}

// Pass gives a code at the challenge and returns where that led.
func (b *Browser) Pass(code string) *Page {
	b.t.Helper()
	return b.Post("/two-factor/challenge", url.Values{"code": {code}})
}
