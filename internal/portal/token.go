package portal

import (
	"net/http"
	"strings"
	"time"
)

// Some portals recognise users by a bearer token that a script puts into a header of each
// request. Browsers send no token with pages, own pages and WebSockets. The token of the last
// sign-in is therefore kept sealed among the visit's cookies. It is used in questions only, to
// learn which user the visit belongs to, and is never forwarded with a request.

// tokenName is the token's name in the jar. No cookie can have it: `=` ends a name.
const tokenName = "=token"

// TokenChange puts a token into a jar. Browsers don't send it with requests from other sites,
// except when a link is followed (SameSite=Lax).
func TokenChange(token string, now time.Time) Change {
	return Change{Class: Sealed, Cookie: Cookie{
		Name: tokenName, Value: token, Path: "/", SameSite: http.SameSiteLaxMode, Sealed: now,
	}}
}

// TokenGone takes the token out of a jar.
func TokenGone() Change {
	return Change{Class: Sealed, Delete: true, Cookie: Cookie{Name: tokenName, Path: "/"}}
}

// Token returns the token in the jar and when it was sealed; "" without one.
func (j *Jar) Token() (token string, sealed time.Time) {
	if h := j.find(tokenName, "/"); h != nil {
		return h.Value, h.Sealed
	}
	return "", time.Time{}
}

// bearer is the scheme of Authorization (RFC 6750 2.1).
const bearer = "Bearer "

// TokenValue returns the value of the named header that carries the token: for Authorization, with
// the scheme Bearer.
func TokenValue(header, token string) string {
	if http.CanonicalHeaderKey(header) == "Authorization" {
		return bearer + token
	}
	return token
}

// SentToken returns the token in the named header of a request. It returns "" if there is none, or
// more than one, or if Authorization has another scheme.
func SentToken(h http.Header, header string) string {
	values := h[http.CanonicalHeaderKey(header)]
	if len(values) != 1 {
		return ""
	}
	value := values[0]
	if http.CanonicalHeaderKey(header) == "Authorization" {
		if len(value) < len(bearer) || !strings.EqualFold(value[:len(bearer)], bearer) {
			return ""
		}
		value = strings.TrimLeft(value[len(bearer):], " ")
	}
	if !ValidToken(value) {
		return ""
	}
	return value
}

// maxToken bounds a token in bytes: servers take headers of 8 KiB.
const maxToken = 8 << 10

// ValidToken reports whether a token can be sent in a header: it is not empty or too long, and
// consists of printable ASCII characters without blanks.
func ValidToken(token string) bool {
	odd := func(r rune) bool { return r <= ' ' || r >= 0x7f }
	return token != "" && len(token) <= maxToken && !strings.ContainsFunc(token, odd)
}
