package caddyfile

import (
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/secondgate/secondgate/config"
)

// defaultRealm is the realm of a site that stands alone and names none.
const defaultRealm = config.DefaultRealm

// realmsKey is where the directives of one Caddyfile meet in Helper.State.
const realmsKey = "two_factor.realms"

// realmTokens are the directives of a Caddyfile that use the default realm: the one that
// doesn't name it, and the last one that does.
type realmTokens struct{ unnamed, named *caddyfile.Token }

// NameRealm gives the realm a name for the adapted configuration, in which one directive
// becomes several handlers if its site has addresses on several ports. Each directive is
// a site of its own, however equal the settings are: the portals behind two sites, or
// behind two `handle` of one, have users of their own. Two directives share a realm only
// if both name it.
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

// What to do about two sites that name no realm.
const (
	ownRealms    = "give each portal a realm of its own (realm NAME, such as realm shop), or both the same if they share their users; " + keepsDefault + "; the second site is this one"
	keepsDefault = config.KeepsDefaultRealm
)

// placeOf is the file and line of a token, with the imports that led there.
func placeOf(at caddyfile.Token) string {
	_, place, _ := strings.Cut(tokenError(at, "").Error(), ", at ")
	return place
}

// tokenError has the file and the line of a token.
func tokenError(at caddyfile.Token, format string, args ...any) error {
	d := caddyfile.NewDispenser([]caddyfile.Token{at})
	d.Next()
	return d.Errf(format, args...)
}
