package cookie

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Out is a cookie of Secondgate's own for the browser: host-only, for every path,
// out of reach of scripts.
type Out struct {
	// Name and Value are of Parse's shape.
	Name, Value string
	// Life is how long the browser keeps it, in whole seconds: zero until it ends,
	// negative to delete it.
	Life time.Duration
	// SameSite is written as given, and not at all when zero.
	SameSite http.SameSite
	// Secure says that the browser speaks HTTPS. Without it, SameSite=None and
	// Partitioned are left out, because browsers refuse such cookies.
	Secure, Partitioned bool
}

// String is the value of the Set-Cookie line.
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
