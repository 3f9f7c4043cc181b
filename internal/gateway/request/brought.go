package request

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// MaxBrought is how many bytes of a body are searched.
const MaxBrought = 64 << 10

// Brings reports whether a request contains a value that the portal set a cookie to: in its
// address, a header or this body. The request's cookies are not searched, because the portal set
// them.
func Brings(r *http.Request, body []byte, value string) bool {
	texts := []string{r.URL.Path, r.URL.RawQuery, string(body)}
	for name, values := range r.Header {
		if name != "Cookie" {
			texts = append(texts, values...)
		}
	}
	decoded, _ := url.QueryUnescape(value)
	return slices.ContainsFunc(texts, func(text string) bool {
		plain, _ := url.QueryUnescape(text)
		return strings.Contains(text, value) || decoded != "" && strings.Contains(plain, decoded)
	})
}

// Copied is a body that another reader gets unchanged, and that keeps a copy of its beginning.
// It is safe for concurrent use.
type Copied struct {
	io.ReadCloser
	mu    sync.Mutex
	begun []byte
	ended bool
}

// Read implements io.Reader.
func (c *Copied) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begun = append(c.begun, p[:min(n, MaxBrought+1-len(c.begun))]...)
	c.ended = c.ended || err == io.EOF
	return n, err
}

// Whole returns the body, if all of it has been read and it is not too long.
func (c *Copied) Whole() (body []byte, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.begun, c.ended && len(c.begun) <= MaxBrought
}
