// Package browse is a browser without a screen: what a customer's browser does at a
// portal, without its scripts. It follows redirects, keeps cookies, reads pages and
// sends forms, and it knows nothing of Secondgate.
//
// Its one invariant: what it was told to keep quiet stays quiet. No error and no
// message of this package holds a password, a cookie's value or the query of a URL.
package browse

import (
	"net/http"
	"time"
)

const (
	// redirects is how many a browser follows before it gives up; browsers allow
	// some twenty, and no portal needs ten.
	redirects = 10
	// limit is the size of a page, after decompression, that is read by default.
	limit = 5 << 20
	// timeout is how long one request may take, its body included, by default.
	timeout = 30 * time.Second
	// agent is what a current desktop browser calls itself: some portals send
	// unknown clients to another page.
	agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
)

// Options are how a Browser reaches a portal; every field may be left empty.
type Options struct {
	Transport http.RoundTripper // http.DefaultTransport if nil
	UserAgent string            // a current Firefox if empty
	Limit     int64             // bytes of a page after decompression, 5 MiB if 0
	Timeout   time.Duration     // of one request with its body, 30 s if 0
}

// Browser is one person's browser. It is for one goroutine at a time.
type Browser struct {
	options Options
	jar     jar
	now     func() time.Time
}

// New gives a Browser without cookies.
func New(o Options) *Browser {
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	if o.UserAgent == "" {
		o.UserAgent = agent
	}
	if o.Limit == 0 {
		o.Limit = limit
	}
	if o.Timeout == 0 {
		o.Timeout = timeout
	}
	return &Browser{options: o, now: time.Now}
}

// Clone gives another browser with a copy of the same cookies.
func (b *Browser) Clone() *Browser {
	c := *b
	c.jar = b.jar.clone()
	return &c
}

// Cookies are those that the browser holds, in the order of their arrival.
func (b *Browser) Cookies() []Cookie {
	return b.jar.alive(b.now())
}

// Only gives another browser with a copy of those cookies that keep says yes to.
func (b *Browser) Only(keep func(Cookie) bool) *Browser {
	c := b.Clone()
	c.jar = nil
	for _, one := range b.Cookies() {
		if keep(one) {
			c.jar = append(c.jar, one)
		}
	}
	return c
}

// Put gives the browser a cookie, as a page's script would.
func (b *Browser) Put(c Cookie) { b.jar.put(c) }
