package portal

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/secondgate/secondgate/internal/portal/cookie"
)

// The names of Secondgate's own cookies. RRRRRRRR is the realm's tag
// ([cookie.RealmTag]), SSSS the site's (see siteTag), TTTTTTTTTTTTTTTT a tag of visit,
// portal cookie and path. Over HTTPS "__Host-" stands before each, which keeps
// subdomains from planting them (RFC 6265bis 4.1.3.2); plain HTTP can't have it.
//
//	sg                                 the visit, realm "default"
//	sg-SSSSTTTTTTTTTTTTTTTT            a sealed cookie, realm "default"
//	sg-SSSSTTTTTTTTTTTTTTTT.1          its second piece
//	sg.RRRRRRRR                        the visit, any other realm
//	sg.RRRRRRRR-SSSSTTTTTTTTTTTTTTTT   a sealed cookie, any other realm
//
// Cookies don't respect ports, so a request to one site carries the cookies of all sites
// of its host. Realm and site are in the names because a gateway must recognise the
// cookies of other sites without a key: it neither opens nor forwards nor deletes them.

// hostPrefix makes browsers accept a cookie only over HTTPS and for one host.
const hostPrefix = "__Host-"

// Names are the names of Secondgate's own cookies in one realm and on one scheme.
type Names struct {
	// Visit is the name of the cookie with the visit's token. All sites of the realm on
	// one host share it.
	Visit string
	// Secure says that these are the names for HTTPS.
	Secure bool
	// sealed begins the names of sealed portal cookies.
	sealed string
}

// RealmNames are a realm's names on both schemes. A gateway makes them once.
type RealmNames struct{ secure, plain Names }

// NewRealmNames returns the names of a realm.
func NewRealmNames(realm string) *RealmNames {
	visit := "sg"
	if tag := cookie.RealmTag(realm); tag != "" {
		visit += "." + tag
	}
	return &RealmNames{
		secure: Names{Visit: hostPrefix + visit, sealed: hostPrefix + visit + "-", Secure: true},
		plain:  Names{Visit: visit, sealed: visit + "-"},
	}
}

// For returns the names for a site reached over HTTPS, or not. It does not allocate.
func (n *RealmNames) For(secure bool) *Names {
	if secure {
		return &n.secure
	}
	return &n.plain
}

// NamesFor is [NewRealmNames] and For in one, for callers that need them once.
func NamesFor(realm string, secure bool) *Names { return NewRealmNames(realm).For(secure) }

// OfVisit reports whether a name is the visit's own or a sealed cookie's of this realm,
// of any site.
func (n *Names) OfVisit(name string) bool {
	return name == n.Visit || strings.HasPrefix(name, n.sealed)
}

// Lengths of a sealed cookie's tag: of the site's part, and of the whole.
const (
	siteTagLen = 4
	tagLen     = siteTagLen + 16
)

// siteTag returns the part of sealed cookies' names that separates the sites of one
// host. The site is the host and port that the browser addressed; case is ignored.
// Two sites of one host share a tag by chance once in 16 million; then each deletes the
// other's cookies, because the keys differ.
func siteTag(site string) string {
	sum := sha256.Sum256([]byte("secondgate site\x00" + strings.ToLower(site)))
	return base64.RawURLEncoding.EncodeToString(sum[:siteTagLen*3/4])
}

// IsReserved reports whether a cookie name is one of Secondgate's own, in any realm, at
// any site and on any scheme: the visit, sealed cookies, or the state of the own pages.
// Case is ignored, for a portal that compares names without it.
func IsReserved(name string) bool {
	name = strings.ToLower(name)
	name = strings.TrimPrefix(name, "__host-")
	rest, ok := strings.CutPrefix(name, "sg")
	if ok && (rest == "" || rest[0] == '-' || rest[0] == '.') {
		return true
	}
	return strings.HasPrefix(name, "secondgate-")
}

// IsVisit reports whether a name is that of a visit's cookie, in any realm and on any
// scheme.
func IsVisit(name string) bool {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(name, hostPrefix), "sg")
	if !ok {
		return false
	}
	tag, dot := strings.CutPrefix(rest, ".")
	return rest == "" || dot && cookie.IsRealmTag(tag)
}

// isSealed reports whether a name is that of a sealed cookie, in any realm, at any site
// and on any scheme.
func isSealed(name string) bool {
	visit, tag, ok := strings.Cut(strings.TrimPrefix(name, hostPrefix), "-")
	tag, _, _ = strings.Cut(tag, ".")
	return ok && IsVisit(visit) && isBase64(tag, tagLen)
}

func isBase64(s string, length int) bool {
	return len(s) == length && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}
