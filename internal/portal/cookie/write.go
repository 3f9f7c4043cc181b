package cookie

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Out is a cookie of Secondgate that is sent to the browser: host-only, with the path / and
// HttpOnly.
type Out struct {
	// Name and Value have the form that Parse accepts.
	Name, Value string
	// Life is the time for which the browser keeps the cookie, in whole seconds. If it is
	// zero, the browser keeps the cookie until it is closed; if it is negative, the browser
	// deletes the cookie.
	Life time.Duration
	// SameSite is written as given; if it is zero, the attribute is left out.
	SameSite http.SameSite
	// Secure reports whether the browser uses HTTPS. Without it, SameSite=None and Partitioned
	// are left out, because browsers refuse such cookies without Secure.
	Secure, Partitioned bool
}

// String returns the value of the Set-Cookie line.
func (o Out) String() string {
	const attributes = "=; Path=/; HttpOnly; Secure; SameSite=Strict; Partitioned; Max-Age=34560000"
	var b strings.Builder
	b.Grow(len(o.Name) + len(o.Value) + len(attributes))
	b.WriteString(o.Name)
	b.WriteByte('=')
	b.WriteString(o.Value)
	b.WriteString("; Path=/; HttpOnly")
	if o.Secure {
		b.WriteString("; Secure")
	}
	b.WriteString(o.sameSite())
	if o.Partitioned && o.Secure {
		b.WriteString("; Partitioned")
	}
	if o.Life != 0 {
		var digits [20]byte
		b.WriteString("; Max-Age=")
		b.Write(strconv.AppendInt(digits[:0], int64(max(0, o.Life/time.Second)), 10))
	}
	return b.String()
}

func (o Out) sameSite() string {
	switch {
	case o.SameSite == http.SameSiteLaxMode:
		return "; SameSite=Lax"
	case o.SameSite == http.SameSiteStrictMode:
		return "; SameSite=Strict"
	case o.SameSite == http.SameSiteNoneMode && o.Secure:
		return "; SameSite=None"
	}
	return ""
}
