package portal

import "strings"

// Names are the names of Secondgate's own cookies on one scheme. Over HTTPS they
// carry the __Host- prefix, which keeps subdomains from planting them (RFC 6265bis
// 4.1.3.2); plain HTTP can't have it.
type Names struct {
	// Visit is the name of the cookie with the visit's token.
	Visit string
	// sealed begins the names of sealed portal cookies.
	sealed string
	Secure bool
}

var (
	secureNames = Names{Visit: "__Host-sg", sealed: "__Host-sg-", Secure: true}
	plainNames  = Names{Visit: "sg", sealed: "sg-"}
)

// NamesFor returns the names for a site reached over HTTPS, or not.
func NamesFor(secure bool) *Names {
	if secure {
		return &secureNames
	}
	return &plainNames
}

// Reserved reports whether a cookie name is one of Secondgate's own on any scheme:
// the visit, sealed cookies, or the small state of the pages. Case is ignored, for
// a portal that compares names without it.
func Reserved(name string) bool {
	name = strings.ToLower(name)
	name = strings.TrimPrefix(name, "__host-")
	return name == "sg" || strings.HasPrefix(name, "sg-") || strings.HasPrefix(name, "secondgate-")
}

// OfVisit reports whether a name is the visit's own or a sealed cookie's.
func (n *Names) OfVisit(name string) bool {
	return name == n.Visit || strings.HasPrefix(name, n.sealed)
}
