package portal

import (
	"net/url"

	"github.com/secondgate/secondgate/internal/portal/cookie"
)

// Repeats reports whether a field of a request's body or query only repeats a cookie that the
// request to path carries. The field must have the value of every cookie with the same name (see
// cookie.Same), unchanged or percent-decoded. The gate allows such a field, because the questions
// carry the cookie and so cover its value. Forms send such fields as double-submit protection
// against CSRF.
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
