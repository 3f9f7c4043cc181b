package caddyplugin

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
)

// defaultRealm is the realm of a site that stands alone and names none.
const defaultRealm = "default"

// realmsKey is where the directives of one Caddyfile meet in Helper.State.
const realmsKey = "two_factor.realms"

// realmTokens are the directives of a Caddyfile that use the default realm: the one that
// doesn't name it, and the last one that does.
type realmTokens struct{ unnamed, named *caddyfile.Token }

// nameRealm gives the realm a name for the adapted configuration, in which one directive
// becomes several handlers if its site has addresses on several ports. Two directives
// share a realm only if both name it, however equal they are: sites behind them have
// users of their own.
func nameRealm(h httpcaddyfile.Helper, realm string, at caddyfile.Token) (string, error) {
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
		return "", tokenError(at, "two sites use two_factor without naming a realm, this one and that at %s:%d; give each portal a realm of its own, or both the same if they share their users; add to each a line such as: realm shop (realm NAME)", known.unnamed.File, known.unnamed.Line)
	case realm == "" && known.named != nil:
		return "", tokenError(at, "this site names no realm, which is %q, and that at %s:%d names it; give this portal a realm of its own, or %[1]q too if they share their users; add a line such as: realm shop", defaultRealm, known.named.File, known.named.Line)
	case realm == defaultRealm && known.unnamed != nil:
		return "", tokenError(at, "this site names the realm %q, which that at %s:%d uses without naming it; give each portal a realm of its own, or add there, if they share their users: realm %[1]s", defaultRealm, known.unnamed.File, known.unnamed.Line)
	}
	if realm == "" {
		known.unnamed = &at
	} else {
		known.named = &at
	}
	return defaultRealm, nil
}

// tokenError has the file and the line of a token.
func tokenError(at caddyfile.Token, format string, args ...any) error {
	d := caddyfile.NewDispenser([]caddyfile.Token{at})
	d.Next()
	return d.Errf(format, args...)
}
