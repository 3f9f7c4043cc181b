package portal

import (
	"path"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/portal/cookie"
)

// Class is the class of a cookie name. It decides whether the cookie is sealed and whether it
// counts as a credential.
type Class int

const (
	// Sealed cookies reach the browser with a sealed value only.
	Sealed Class = iota
	// Passthrough cookies are named by the operator under `leave`. They are not sealed, and
	// they count as credentials.
	Passthrough
	// Public cookies are on the built-in list. They are not sealed, and are never a
	// credential.
	Public
	// Reserved cookies are Secondgate's own. The portal can neither set nor read them.
	Reserved
)

// publicNames are cookies that page scripts are known to need and that carry no
// identity: double-submit tokens, consent, analytics, the layout of WordPress's
// dashboard, language, theme. Sources: the documentation of Angular, Laravel and Django
// (XSRF-TOKEN, csrftoken), Google Analytics and Matomo, the common consent managers, and
// wp-includes/option.php (wp-settings-*).
var publicNames = []string{
	"XSRF-TOKEN", "csrftoken", "_csrf_token_js",
	"_ga", "_ga_*", "_gid", "_gat", "_gat_*", "_gcl_*", "_fbp", "_pk_id.*", "_pk_ses.*", "_pk_ref.*", "__utm?",
	"cookieconsent_status", "CookieConsent", "OptanonConsent", "OptanonAlertBoxClosed", "cookie_notice_accepted", "euconsent-v2", "moove_gdpr_popup",
	"wp-settings-*",
	"lang", "language", "locale", "i18next", "theme", "color-scheme", "dark_mode", "timezone", "tz",
}

// CookiePolicy assigns a class to each cookie name.
type CookiePolicy struct {
	globs []string
}

// NewCookiePolicy takes the operator's globs (see path.Match; checked by config).
func NewCookiePolicy(globs []string) *CookiePolicy { return &CookiePolicy{globs: globs} }

// Class returns the class of a name. Passthrough takes precedence over Public, because
// passthrough cookies are checked as credentials.
func (p *CookiePolicy) Class(name string) Class {
	switch {
	case IsReserved(name):
		return Reserved
	case matchAny(p.globs, name):
		return Passthrough
	case matchAny(publicNames, name):
		return Public
	}
	return Sealed
}

// Names reports whether the operator named a cookie itself, not by a pattern, as some parser
// reads the name (cookie.Same).
func (p *CookiePolicy) Names(name string) bool {
	return slices.ContainsFunc(p.globs, func(g string) bool { return !strings.ContainsAny(g, `*?[\`) && cookie.Same(g, name) })
}

func matchAny(globs []string, name string) bool {
	for _, g := range globs {
		if !strings.ContainsAny(g, `*?[\`) {
			if g == name {
				return true
			}
			continue
		}
		if ok, err := path.Match(g, name); ok && err == nil {
			return true
		}
	}
	return false
}
