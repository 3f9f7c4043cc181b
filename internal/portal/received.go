package portal

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/secondgate/secondgate/internal/portal/cookie"
)

// maxPieces bounds over how many cookies one sealed value is split: 16 pieces of
// maxPiece bytes, some 45 kB of the portal's own.
const (
	maxPieces = 16
	maxPiece  = 3800
)

// Received is a request's Cookie header, split by kind of cookie, before any is opened.
type Received struct {
	// Visit holds the values of the visit cookie. There may be none or one; a request with more
	// is treated as having none.
	Visit []string
	// Dropped are the names of cookies that will not reach the portal.
	Dropped []string

	site                string // the site's tag, see siteTag
	pieces              []piece
	passthrough, public []pair
}

// piece is one cookie of a value sealed at this site: "sg-TAG" or, from the second on,
// "sg-TAG.1".
type piece struct {
	tag   string
	index int
	value string
}

// Read splits the Cookie lines of a request to a site (see [Sealer.Keys]). Cookies of other
// realms and sites are left out: they are neither forwarded nor opened nor deleted. An error
// means a request that no honest browser sends (see cookie.Parse); it gets a 400.
func Read(lines []string, names *Names, site string, policy *CookiePolicy) (*Received, error) {
	rc := &Received{site: siteTag(site)}
	dropped, err := cookie.Parse(lines, func(name, value string) {
		rc.add(name, value, names, policy)
	})
	rc.Dropped = append(rc.Dropped, dropped...)
	rc.dropTwins()
	return rc, err
}

func (rc *Received) add(name, value string, names *Names, policy *CookiePolicy) {
	if name == names.Visit {
		rc.Visit = append(rc.Visit, value)
		return
	}
	if rest, ok := strings.CutPrefix(name, names.sealed); ok {
		rc.addPiece(rest, value)
		return
	}
	switch policy.Class(name) {
	case Passthrough:
		rc.passthrough = append(rc.passthrough, pair{name, value})
	case Public:
		rc.public = append(rc.public, pair{name, value})
	case Sealed:
		rc.Dropped = append(rc.Dropped, name)
	}
}

// addPiece adds a cookie with the prefix of sealed ones. It ignores names of another form and of
// other sites.
func (rc *Received) addPiece(rest, value string) {
	tag, number, split := strings.Cut(rest, ".")
	if len(tag) != tagLen || !strings.HasPrefix(tag, rc.site) {
		return
	}
	index := 0
	if split {
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 || n >= maxPieces || strconv.Itoa(n) != number {
			return
		}
		index = n
	}
	rc.pieces = append(rc.pieces, piece{tag, index, value})
}

// dropTwins drops unsealed cookies of which there are two with one name, because parsers differ
// in which of them they use.
func (rc *Received) dropTwins() {
	twins := func(pairs []pair) []pair {
		return slices.DeleteFunc(slices.Clone(pairs), func(p pair) bool {
			n := 0
			for _, q := range pairs {
				if cookie.Same(q.name, p.name) {
					n++
				}
			}
			if n > 1 {
				rc.Dropped = append(rc.Dropped, p.name)
			}
			return n > 1
		})
	}
	rc.passthrough, rc.public = twins(rc.passthrough), twins(rc.public)
}

// Stale is a sealed cookie in the browser that can't be used: its name, and the number of its
// pieces. The browser is told to delete it.
type Stale struct {
	Tag    string
	Pieces int
}

// Open opens what was sealed for the visit with these keys, which are those of the site
// that the request was read for. Cookies that do not open, are expired, were sealed
// before oldest, or are older twins are not in the jar but among the stale.
func (rc *Received) Open(k *VisitKeys, now time.Time, oldest time.Time) (*Jar, []Stale) {
	var cookies []held
	var stale []Stale
	for _, p := range rc.pieces {
		if p.index != 0 {
			continue
		}
		sealed, n := rc.join(p)
		c, err := k.openCookie(p.tag, sealed)
		ended := err == nil && !c.Expires.IsZero() && !now.Before(c.Expires)
		if err != nil || ended || c.Sealed.Before(oldest) {
			stale = append(stale, Stale{p.tag, n})
			continue
		}
		cookies = append(cookies, held{Cookie: c, tag: p.tag, pieces: n})
	}
	cookies, twins := newest(cookies)
	jar := newJar(cookies, nil, nil)
	return newJar(cookies, rc.withoutNames(jar, rc.passthrough), rc.withoutNames(jar, rc.public)), append(stale, twins...)
}

// withoutNames drops the unsealed cookies with a name that some parser treats as the name of a
// sealed cookie.
func (rc *Received) withoutNames(sealed *Jar, pairs []pair) []pair {
	return slices.DeleteFunc(slices.Clone(pairs), func(p pair) bool { return sealed.HasName(p.name) })
}

// Unsealed returns the jar of a request without a visit: passthrough and public cookies only.
func (rc *Received) Unsealed() *Jar { return newJar(nil, rc.passthrough, rc.public) }

// Pieces returns the number of cookies of the request that were sealed at this site, whether or not
// they open.
func (rc *Received) Pieces() int { return len(rc.pieces) }

// join reassembles a value from its pieces. The first piece of a split value begins with the
// number of pieces and a tilde, which base64url does not have.
func (rc *Received) join(first piece) (sealed string, pieces int) {
	number, rest, split := strings.Cut(first.value, "~")
	if !split {
		return first.value, 1
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 2 || n > maxPieces {
		return "", 1
	}
	parts := make([]string, n)
	parts[0] = rest
	for _, p := range rc.pieces {
		if p.tag == first.tag && p.index > 0 && p.index < n {
			parts[p.index] = p.value
		}
	}
	return strings.Join(parts, ""), n
}

// openCookie opens one sealed value. It fails if the value was sealed under another tag.
func (k *VisitKeys) openCookie(tag, sealed string) (Cookie, error) {
	plain, err := k.open(sealed, tag)
	if err != nil {
		return Cookie{}, err
	}
	return decode(plain)
}

// newest keeps, of cookies with the same name and path, the one that was sealed last. After a
// rotation of master keys a browser has two of them under different tags. The other ones are stale.
func newest(cookies []held) (keep []held, stale []Stale) {
	for i, c := range cookies {
		beaten := false
		for k, o := range cookies {
			twin := k != i && o.Name == c.Name && o.Path == c.Path
			beaten = beaten || twin && (o.Sealed.After(c.Sealed) || o.Sealed.Equal(c.Sealed) && k < i)
		}
		if !beaten {
			keep = append(keep, c)
			continue
		}
		stale = append(stale, Stale{c.tag, c.pieces})
	}
	// Under the same tag, a twin is the same cookie to the browser. It must not be deleted.
	stale = slices.DeleteFunc(stale, func(s Stale) bool {
		return slices.ContainsFunc(keep, func(c held) bool { return c.tag == s.Tag })
	})
	return keep, stale
}

// WithoutOwn joins Cookie lines into one header and leaves out Secondgate's own cookies, of any
// realm and site. It returns "" if no cookie is left.
func WithoutOwn(lines []string) string {
	var keep []string
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			pair = strings.TrimLeft(pair, " ")
			name, _, _ := strings.Cut(pair, "=")
			if pair != "" && !IsReserved(strings.TrimSpace(name)) {
				keep = append(keep, pair)
			}
		}
	}
	return strings.Join(keep, "; ")
}

// All returns every cookie of the request that was sealed at this site, so that the browser can be
// told to delete them.
func (rc *Received) All() []Stale {
	var out []Stale
	for _, p := range rc.pieces {
		if p.index == 0 {
			_, n := rc.join(p)
			out = append(out, Stale{p.tag, n})
		}
	}
	return out
}
