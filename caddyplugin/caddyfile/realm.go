package caddyfile

import (
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/secondgate/secondgate/config"
)

// defaultRealm is the realm of the only site if it names none.
const defaultRealm = config.DefaultRealm

// realmsKey is the key in Helper.State under which the directives of one Caddyfile share
// realmTokens.
const realmsKey = "two_factor.realms"

// realmTokens are the places of the directives that use the default realm: unnamed of the one
// that names no realm, named of the last one that names the default realm.
type realmTokens struct{ unnamed, named *caddyfile.Token }

// NameRealm returns the realm of a directive: realm, or the default realm if realm is "". It
// is an error if two directives would share the default realm and not both name it: the
// portals behind two sites, or behind two `handle` blocks of one site, may have different
// users.
//
// This is checked on the Caddyfile and not on the handlers, because one directive becomes
// several handlers if its site has addresses on several ports.
func NameRealm(h httpcaddyfile.Helper, realm string, at caddyfile.Token) (string, error) {
	known, _ := h.State[realmsKey].(*realmTokens)
	if known == nil {
		known = new(realmTokens)
		h.State[realmsKey] = known
	}
	switch {
	case h.IsNamedRoute() && (realm == "" || realm == defaultRealm):
		return "", tokenError(at, "two_factor in a named route may stand for several sites, so its realm needs a name of its own; add a line such as: realm shop")
	case realm != "" && realm != defaultRealm:
		return realm, nil
	case realm == "" && known.unnamed != nil:
		return "", tokenError(at, "two sites use two_factor without naming a realm, the first one at %s; "+ownRealms, placeOf(*known.unnamed))
	case realm == "" && known.named != nil:
		return "", tokenError(at, "this site names no realm, which is %q, and that at %s names it; give this portal a realm of its own, or %[1]q too if they share their users; add a line such as: realm shop", defaultRealm, placeOf(*known.named))
	case realm == defaultRealm && known.unnamed != nil:
		return "", tokenError(at, "this site names the realm %q, which that at %s uses without naming it; give one of the portals a realm of its own, such as: realm shop; or add there, if they share their users: realm %[1]s; "+keepsDefault, defaultRealm, placeOf(*known.unnamed))
	}
	if realm == "" {
		known.unnamed = &at
	} else {
		known.named = &at
	}
	return defaultRealm, nil
}

// Sentences for errors about two sites that name no realm: what the operator can do.
const (
	ownRealms    = "give each portal a realm of its own (realm NAME, such as realm shop), or both the same if they share their users; " + keepsDefault + "; the second site is this one"
	keepsDefault = config.KeepsDefaultRealm
)

// placeOf returns the file and line of a token, and the imports that lead to it.
func placeOf(at caddyfile.Token) string {
	_, place, _ := strings.Cut(tokenError(at, "").Error(), ", at ")
	return place
}

// tokenError returns an error that ends with the file and line of a token.
func tokenError(at caddyfile.Token, format string, args ...any) error {
	d := caddyfile.NewDispenser([]caddyfile.Token{at})
	d.Next()
	return d.Errf(format, args...)
}
