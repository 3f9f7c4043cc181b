package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
	"golang.org/x/sync/errgroup"

	"github.com/secondgate/secondgate/internal/onboard/browse"
)

// visitor is one browser.
type visitor struct {
	customer, sends bool
	agent           string
	browser         *browse.Browser
	h               *setup

	sent       atomic.Int64 // requests so far
	fast, slow count
	requests   int64 // of one run
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
	v := &visitor{customer: customer, sends: sends, h: h}
	v.agent = fmt.Sprintf("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0 Visitor/%t-%t", customer, sends)
	v.browser = browse.New(browse.Options{Transport: v, Timeout: 60 * time.Second})
	return v
}

// RoundTrip sends a request under the visitor's name. It counts the browser's own requests, so
// that a page view at whoami's address is no question.
func (v *visitor) RoundTrip(r *http.Request) (*http.Response, error) {
	v.sent.Add(1)
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", v.agent)
	v.h.add(r, -1)
	return http.DefaultTransport.RoundTrip(r)
}

// walk looks at 20 pages and counts how many questions that took.
func (v *visitor) walk(h *setup, pace time.Duration, to *count) error {
	pages, f := h.portal.stranger, h.portal.strangerForm
	if v.customer {
		pages, f = h.portal.customer, h.portal.customerForm
	}
	before, sent := h.questions(v.agent), v.sent.Load()
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
	v.requests = v.sent.Load() - sent
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
	return usable(v.browser.Get(context.Background(), address))
}

// post sends the page's form that has the field. It uses POST also for a form with the method GET,
// because portals accept either.
func (v *visitor) post(page *browse.Page, field string, values map[string]string) (*browse.Page, error) {
	if page == nil {
		return nil, errors.New("no page whose form could be sent")
	}
	form := page.Form(func(f *browse.Form) bool { _, found := f.Field(field); return found })
	if form == nil {
		return nil, fmt.Errorf("no form with %q at %s", field, page.URL)
	}
	form.Method = http.MethodPost
	return usable(v.browser.Submit(context.Background(), form, values))
}

// usable returns an error for a page that tells of a fault or a refusal.
func usable(page *browse.Page, err error) (*browse.Page, error) {
	if err == nil && (page.Status >= 500 || page.Status == http.StatusTooManyRequests || page.Status == http.StatusForbidden) {
		err = fmt.Errorf("%s: status %d", page.URL, page.Status)
	}
	return page, err
}

// furnish fetches what is on the page, six at a time as browsers do. Cookies that a part sets
// are dropped.
func (v *visitor) furnish(page *browse.Page) {
	var group errgroup.Group
	group.SetLimit(6)
	for address, dest := range v.parts(page) {
		b := v.browser.Clone()
		header := http.Header{"Accept": {"*/*"}, "Referer": {page.URL.String()},
			"Sec-Fetch-Dest": {dest}, "Sec-Fetch-Mode": {"no-cors"}, "Sec-Fetch-Site": {"same-origin"}}
		group.Go(func() error {
			_, _ = b.Once(context.Background(), http.MethodGet, address, header, nil) // a part that is missing is none of the portal's pages
			return nil
		})
	}
	_ = group.Wait() // no part returns an error
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
	if _, err := v.browser.SignIn(context.Background(), h.url+h.portal.signIn, browse.Account{User: user[0], Password: user[1]}); err != nil {
		return err
	}
	page, err := v.get(h.url + "/two-factor/setup")
	if err != nil {
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
