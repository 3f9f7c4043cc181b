package portal

import (
	"net/url"

	"github.com/secondgate/secondgate/internal/portal/cookie"
)

// Repeats reports whether a field of a request's body or query only repeats a cookie of the
// request's Cookie header for path: some portal takes a cookie's name for this name, and each
// such cookie has the value, unchanged or percent-decoded. Questions are asked with that header,
// so such a field adds nothing to it. Double-submit protection against CSRF sends such fields.
func (j *Jar) Repeats(path, name, value string) bool {
	found := false
	same := func(cookieName, cookieValue string) bool {
		if !cookie.Same(cookieName, name) {
			return true
		}
		found = true
		decoded, err := url.QueryUnescape(cookieValue)
		return cookieValue == value || err == nil && decoded == value
	}
	for i := range j.cookies {
		c := &j.cookies[i]
		if c.Name != tokenName && cookie.PathMatch(c.Path, path) && !same(c.Name, c.Value) {
			return false
		}
	}
	for _, ps := range [2][]pair{j.passthrough, j.public} {
		for _, p := range ps {
			if !same(p.name, p.value) {
				return false
			}
		}
	}
	return found
}
