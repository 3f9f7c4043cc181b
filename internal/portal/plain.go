package portal

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/secondgate/secondgate/internal/portal/cookie"
)

// Plain is a request's Cookie header in `mode observe`, where cookies are not sealed. The
// portal's cookies are kept as the browser sent them. Secondgate's own cookies of another realm
// or site are removed and not opened.
type Plain struct {
	// Visits are the values of the realm's visit cookies.
	Visits []string
	// Pairs are the portal's cookies, in their order.
	Pairs []Pair

	own    bool
	sealed Received
}

// Pair is one cookie of a Cookie header. Raw is its text as it was sent; empty for a pair that
// was added.
type Pair struct{ Name, Value, Raw string }

// visitLen is the length of a visit's token in base64url. Secondgate's cookies are distinguished
// from a portal's of the same name by the form of their value or name.
const visitLen = 43

// ReadPlain takes Secondgate's own cookies out of the Cookie lines of a request to a
// site (see [Sealer.Keys]).
func ReadPlain(lines []string, names *Names, site string) *Plain {
	p := &Plain{sealed: Received{site: siteTag(site)}}
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ";") {
			raw := strings.Trim(part, " \t")
			name, value, found := strings.Cut(raw, "=")
			if !found {
				name, value = "", name // a browser's cookie without a name
			}
			if raw != "" {
				p.add(Pair{name, value, raw}, names)
			}
		}
	}
	return p
}

func (p *Plain) add(c Pair, names *Names) {
	if !ours(c.Name, c.Value) {
		p.Pairs = append(p.Pairs, c)
		return
	}
	p.own = true
	if c.Name == names.Visit {
		p.Visits = append(p.Visits, c.Value)
		return
	}
	if rest, ok := strings.CutPrefix(c.Name, names.sealed); ok {
		p.sealed.addPiece(rest, c.Value)
	}
}

// ours reports whether a cookie is one of Secondgate's, of any realm, at any site and on
// any scheme. A portal may have used the same names before it stood behind the gate.
func ours(name, value string) bool {
	if IsVisit(name) {
		return isBase64(value, visitLen)
	}
	return isSealed(name) || strings.HasPrefix(strings.TrimPrefix(name, hostPrefix), "secondgate-")
}

// Own reports whether the header had any cookie of Secondgate's, of any realm or site.
func (p *Plain) Own() bool { return p.own }

// Open opens the cookies that an earlier `mode enforce` sealed. It also returns those that do not
// open.
func (p *Plain) Open(k *VisitKeys, now, oldest time.Time) (*Jar, []Stale) {
	return p.sealed.Open(k, now, oldest)
}

// Sealed reports whether the header had cookies that were sealed at this site, whether or not they
// open.
func (p *Plain) Sealed() bool { return len(p.sealed.pieces) > 0 }

// PairHeader writes pairs as one Cookie header, "" when there are none.
func PairHeader(pairs []Pair) string {
	var b strings.Builder
	for _, p := range pairs {
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		if p.Raw != "" {
			b.WriteString(p.Raw)
			continue
		}
		b.WriteString(p.Name + "=" + p.Value)
	}
	return b.String()
}

// For returns the jar's sealed cookies that a browser would send to path, in its order.
func (j *Jar) For(path string) (pairs []Pair) {
	for i := range j.cookies {
		if c := &j.cookies[i]; c.Name != tokenName && cookie.PathMatch(c.Path, path) {
			pairs = append(pairs, Pair{Name: c.Name, Value: c.Value})
		}
	}
	return pairs
}

// Given returns the jar's sealed cookies that the portal set: all but the token of a sign-in.
func (j *Jar) Given() (cookies []Cookie) {
	for i := range j.cookies {
		if j.cookies[i].Name != tokenName {
			cookies = append(cookies, j.cookies[i].Cookie)
		}
	}
	return cookies
}

// PlainJar returns a jar of cookies that were never sealed, so that a question can carry them.
func PlainJar(cookies []Cookie, policy *CookiePolicy) *Jar {
	var hold []held
	var passthrough, public []pair
	for _, c := range cookies {
		switch policy.Class(c.Name) {
		case Passthrough:
			passthrough = append(passthrough, pair{c.Name, c.Value})
		case Public:
			public = append(public, pair{c.Name, c.Value})
		default:
			hold = append(hold, held{Cookie: c})
		}
	}
	return newJar(hold, passthrough, public)
}

// Line returns the Set-Cookie line that sets a cookie unsealed, with the attributes that the portal
// gave it. A domain that the browser would not accept from this host is left out.
func (c *Cookie) Line(host string, secure bool) string {
	var b strings.Builder
	b.WriteString(c.Name + "=" + c.Value + "; Path=" + c.Path)
	if d := c.Domain; d != "" && (strings.EqualFold(host, d) || strings.HasSuffix(strings.ToLower(host), "."+d)) {
		b.WriteString("; Domain=" + d)
	}
	if !c.Expires.IsZero() {
		b.WriteString("; Expires=" + c.Expires.UTC().Format(http.TimeFormat))
	}
	if c.HTTPOnly {
		b.WriteString("; HttpOnly")
	}
	if secure {
		b.WriteString("; Secure")
	}
	b.WriteString(sameSiteText(c.SameSite, secure))
	return b.String()
}

func sameSiteText(s http.SameSite, secure bool) string {
	switch {
	case s == http.SameSiteLaxMode:
		return "; SameSite=Lax"
	case s == http.SameSiteStrictMode:
		return "; SameSite=Strict"
	case s == http.SameSiteNoneMode && secure:
		return "; SameSite=None"
	}
	return ""
}

// maxOwnNames bounds OwnNames, which compares each name with all.
const maxOwnNames = 16

// OwnNames returns the names in the portal's Set-Cookie lines that are reserved for Secondgate, at
// most maxOwnNames. The portal could not use them in `mode enforce`.
func OwnNames(lines []string) (names []string) {
	for _, line := range lines {
		name, _, _ := strings.Cut(line, "=")
		if name = strings.TrimSpace(name); IsReserved(name) && len(names) < maxOwnNames && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
