package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"github.com/secondgate/secondgate/internal/onboard/browse"
)

// visitor is one browser.
type visitor struct {
	customer, sends bool
	agent           string
	client          *http.Client
	h               *setup

	mu         sync.Mutex
	sent       int // requests so far
	fast, slow count
	requests   int // of one run
	word       int
}

func (v *visitor) String() string {
	who, what := "stranger", "no form sent"
	if v.customer {
		who = "customer"
	}
	if v.sends {
		what = "5 of the 20 send a form"
	}
	return who + ", " + what
}

func newVisitor(h *setup, customer, sends bool) *visitor {
	jar, _ := cookiejar.New(nil) // without options it can't fail
	v := &visitor{customer: customer, sends: sends, h: h}
	v.agent = fmt.Sprintf("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0 Visitor/%t-%t", customer, sends)
	v.client = &http.Client{Jar: jar, Timeout: 60 * time.Second, Transport: v}
	return v
}

// RoundTrip counts the browser's own requests, so that a page view at whoami's address is
// no question.
func (v *visitor) RoundTrip(r *http.Request) (*http.Response, error) {
	v.mu.Lock()
	v.sent++
	v.mu.Unlock()
	v.h.add(r, -1)
	return http.DefaultTransport.RoundTrip(r)
}

// walk looks at 20 pages and counts how many questions that took.
func (v *visitor) walk(h *setup, pace time.Duration, to *count) error {
	pages, f := h.portal.stranger, h.portal.strangerForm
	if v.customer {
		pages, f = h.portal.customer, h.portal.customerForm
	}
	before, sent := h.questions(v.agent), v.sent
	var last *browse.Page
	next := time.Now()
	for i := range views {
		time.Sleep(time.Until(next))
		next = time.Now().Add(pace)
		page, err := v.view(h, pages[i%4], last, f, v.sends && i%4 == 3)
		if err != nil {
			return fmt.Errorf("%s before %s, %s, page %d: %w\n%w", h.binary, h.portal.name, v, i+1, err, h.lastLog())
		}
		v.furnish(page)
		last = page
	}
	time.Sleep(200 * time.Millisecond)
	v.requests = v.sent - sent
	*to = count{h.questions(v.agent) - before, true}
	return nil
}

// view opens a page, or sends the form of the last one.
func (v *visitor) view(h *setup, path string, last *browse.Page, f form, send bool) (*browse.Page, error) {
	if !send {
		return v.get(h.url + path)
	}
	v.word++
	values := make(map[string]string)
	for name, value := range f.values {
		values[name] = value
		if strings.HasSuffix(value, " ") {
			values[name] += fmt.Sprint(time.Now().UnixNano(), v.word) // portals refuse the same comment twice
		}
	}
	return v.post(last, f.field, values)
}

func (v *visitor) get(address string) (*browse.Page, error) {
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return v.navigate(r)
}

// post sends the page's form that has the field. It uses POST also for a form with the method GET,
// because portals accept either.
func (v *visitor) post(page *browse.Page, field string, values map[string]string) (*browse.Page, error) {
	if page == nil {
		return nil, errors.New("no page whose form could be sent")
	}
	for _, f := range page.Forms() {
		if _, found := f.Field(field); !found {
			continue
		}
		out := url.Values{}
		for _, x := range f.Fields {
			if x.Sent {
				out.Add(x.Name, x.Value)
			}
		}
		for name, value := range values {
			out.Set(name, value)
		}
		r, err := http.NewRequest(http.MethodPost, f.Action.String(), strings.NewReader(out.Encode()))
		if err != nil {
			return nil, err
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", v.h.url)
		r.Header.Set("Referer", page.URL.String())
		return v.navigate(r)
	}
	return nil, fmt.Errorf("no form with %q at %s", field, page.URL)
}

func (v *visitor) navigate(r *http.Request) (*browse.Page, error) {
	for name, values := range browse.Navigation() {
		r.Header[name] = values
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	page, err := v.do(r)
	if err == nil && (page.Status >= 500 || page.Status == http.StatusTooManyRequests || page.Status == http.StatusForbidden) {
		err = fmt.Errorf("%s %s: status %d", r.Method, r.URL, page.Status)
	}
	return page, err
}

func (v *visitor) do(r *http.Request) (*browse.Page, error) {
	r.Header.Set("User-Agent", v.agent)
	r.Header.Set("Accept-Language", "en-GB,en;q=0.5")
	resp, err := v.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return &browse.Page{URL: resp.Request.URL, Status: resp.StatusCode, Header: resp.Header, Body: body}, err
}

// furnish fetches what is on the page, six at a time as browsers do.
func (v *visitor) furnish(page *browse.Page) {
	turns := make(chan struct{}, 6)
	var group sync.WaitGroup
	for address, dest := range v.parts(page) {
		group.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			r, err := http.NewRequest(http.MethodGet, address, nil)
			if err != nil {
				return
			}
			r.Header.Set("Accept", "*/*")
			r.Header.Set("Referer", page.URL.String())
			r.Header.Set("Sec-Fetch-Dest", dest)
			r.Header.Set("Sec-Fetch-Mode", "no-cors")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			_, _ = v.do(r) // a part that is missing is none of the portal's pages
		})
	}
	group.Wait()
}

// parts are the addresses and kinds of the page's styles, scripts and images.
func (v *visitor) parts(page *browse.Page) map[string]string {
	all := make(map[string]string)
	add := func(selector, attribute, dest string) {
		page.Doc().Find(selector).Each(func(_ int, s *goquery.Selection) {
			if u, err := page.Resolve(s.AttrOr(attribute, "")); err == nil && u.Host == page.URL.Host {
				u.Fragment = ""
				all[u.String()] = dest
			}
		})
	}
	add("link[rel~=stylesheet][href], link[rel~=icon][href]", "href", "style")
	add("script[src]", "src", "script")
	add("img[src]", "src", "image")
	return all
}

// signIn signs in at the portal and sets a second factor up, which is this visit's
// clearance.
func (v *visitor) signIn(h *setup, user [2]string) error {
	page, err := v.get(h.url + h.portal.signIn)
	if err != nil {
		return err
	}
	name, password, err := signInFields(page)
	if err != nil {
		return err
	}
	if _, err := v.post(page, password, map[string]string{name: user[0], password: user[1]}); err != nil {
		return err
	}
	if page, err = v.get(h.url + "/two-factor/setup"); err != nil {
		return err
	}
	key, err := otp.NewKeyFromURL(page.Doc().Find("a[href^='otpauth:']").AttrOr("href", ""))
	if err != nil {
		return fmt.Errorf("%s has no link for authenticators: %w", page.URL, err)
	}
	code, err := totp.GenerateCode(key.Secret(), time.Now())
	if err != nil {
		return err
	}
	if page, err = v.post(page, "code", map[string]string{"code": code}); err != nil {
		return err
	}
	_, err = v.post(page, "saved", map[string]string{"saved": "1"})
	return err
}

// signInFields finds the names of the fields of the form with a password.
func signInFields(page *browse.Page) (name, password string, err error) {
	for _, f := range page.Forms() {
		name = ""
		for _, x := range f.Fields {
			switch {
			case x.Type == "password" && name != "":
				return name, x.Name, nil
			case x.Type == "text" || x.Type == "email":
				name = x.Name
			}
		}
	}
	return "", "", fmt.Errorf("no sign-in form at %s", page.URL)
}
