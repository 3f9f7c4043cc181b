package browser

import (
	"context"
	"fmt"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
)

// Open goes to the URL and waits until the page has loaded.
func (b *Browser) Open(url string) {
	b.t.Helper()
	b.load("opening "+url, chromedp.Navigate(url))
}

// Follow clicks on the element that the CSS selector names, a link or a form's
// button, and waits until the page behind it has loaded.
func (b *Browser) Follow(selector string) {
	b.t.Helper()
	b.load("following "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// Reload loads the page again.
func (b *Browser) Reload() {
	b.t.Helper()
	b.load("reloading", chromedp.Reload())
}

func (b *Browser) load(what string, step chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTime)
	defer cancel()
	response, err := chromedp.RunResponse(ctx, step)
	if err != nil {
		b.fail(what, err)
	}
	b.response = response
}

// Status returns the HTTP status of the page, 0 before the first one.
func (b *Browser) Status() int {
	if b.response == nil {
		return 0
	}
	return int(b.response.Status)
}

// Click clicks on the element and waits for nothing.
func (b *Browser) Click(selector string) {
	b.t.Helper()
	run(b, "clicking "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// Type replaces the field's text by typing, key for key. It types again if a script of the page
// has moved the focus meanwhile, as WordPress's sign-in page does.
func (b *Browser) Type(selector, text string) {
	b.t.Helper()
	for try := range 4 {
		time.Sleep(time.Duration(try) * 200 * time.Millisecond)
		run(b, "waiting for "+selector, chromedp.WaitVisible(chromedp.CSS(selector)))
		// chromedp.Clear changes the attribute only, not what has been typed.
		Evaluate[string](b, fmt.Sprintf("document.querySelector(%q).value = ''", selector))
		run(b, "typing into "+selector, chromedp.SendKeys(chromedp.CSS(selector), text))
		if b.Value(selector) == text {
			return
		}
	}
	b.t.Fatalf("%s holds %q and not what was typed, %q", selector, b.Value(selector), text)
}

// Text returns the element's visible text.
func (b *Browser) Text(selector string) string {
	b.t.Helper()
	return run(b, "reading "+selector, chromedp.Text(chromedp.CSS(selector)))
}

// Value returns what is in the field.
func (b *Browser) Value(selector string) string {
	b.t.Helper()
	return run(b, "reading the field "+selector, chromedp.Value(chromedp.CSS(selector)))
}

// Attribute returns the element's attribute, "" where it has none.
func (b *Browser) Attribute(selector, name string) string {
	b.t.Helper()
	return run(b, "reading "+name+" of "+selector, chromedp.AttributeValue(chromedp.CSS(selector), name)).Value
}

// Count returns how many elements the selector names now, without waiting.
func (b *Browser) Count(selector string) int {
	b.t.Helper()
	ids := run(b, "counting "+selector, chromedp.QueryNodeIDs(chromedp.CSSAll(selector), chromedp.AtLeast(0)))
	return len(ids)
}

// Has reports whether an element matches the selector now.
func (b *Browser) Has(selector string) bool {
	b.t.Helper()
	return b.Count(selector) > 0
}

// URL returns where the browser is.
func (b *Browser) URL() string {
	b.t.Helper()
	return run(b, "asking for the address", chromedp.Location())
}

// HTML returns the page's current document.
func (b *Browser) HTML() string {
	b.t.Helper()
	return run(b, "reading the page", chromedp.OuterHTML(chromedp.CSS("html")))
}

// Evaluate runs JavaScript in the page and returns its result, also where the
// page's content security policy allows none.
func Evaluate[T any](b *Browser, expression string) T {
	b.t.Helper()
	return run(b, "evaluating "+expression, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Cookies returns all cookies of the browser, HttpOnly ones included.
func (b *Browser) Cookies() []*network.Cookie {
	b.t.Helper()
	return call(b, "reading the cookies", storage.GetCookies, storage.GetCookiesParams{}).Cookies
}

// SetCookie plants a cookie for the URL.
func (b *Browser) SetCookie(url, name, value string) {
	b.t.Helper()
	call(b, "planting "+name, network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: url})
}

// ClearCookies forgets all cookies.
func (b *Browser) ClearCookies() {
	b.t.Helper()
	call(b, "forgetting the cookies", network.ClearBrowserCookies, cdp.Empty{})
}
