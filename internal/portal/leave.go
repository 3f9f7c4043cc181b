package portal

import (
	"path"
	"strings"
)

// Class says how a cookie name is treated.
type Class int

const (
	// Sealed cookies leave with their value sealed.
	Sealed Class = iota
	// Left cookies were named by the operator; they count as credentials.
	Left
	// Free cookies are on the built-in list, and never a credential.
	Free
	// Own cookies are Secondgate's; the portal can neither set nor see them.
	Own
)

// freeNames are cookies that page scripts are known to need and that carry no
// identity: double-submit tokens, consent, analytics, the layout of WordPress's
// dashboard, language, theme. Sources: the documentation of Angular, Laravel and Django
// (XSRF-TOKEN, csrftoken), Google Analytics and Matomo, the common consent managers, and
// wp-includes/option.php (wp-settings-*).
var freeNames = []string{
	"XSRF-TOKEN", "csrftoken", "_csrf_token_js",
	"_ga", "_ga_*", "_gid", "_gat", "_gat_*", "_gcl_*", "_fbp", "_pk_id.*", "_pk_ses.*", "_pk_ref.*", "__utm?",
	"cookieconsent_status", "CookieConsent", "OptanonConsent", "OptanonAlertBoxClosed", "cookie_notice_accepted", "euconsent-v2", "moove_gdpr_popup",
	"wp-settings-*",
	"lang", "language", "locale", "i18next", "theme", "color-scheme", "dark_mode", "timezone", "tz",
}

// Leave tells the classes of cookie names.
type Leave struct {
	globs []string
}

// NewLeave takes the operator's globs (see path.Match; checked by config).
func NewLeave(globs []string) *Leave { return &Leave{globs: globs} }

// Class returns how a name is treated. What the operator names wins over the
// built-in list, because it is the stricter treatment.
func (l *Leave) Class(name string) Class {
	switch {
	case Reserved(name):
		return Own
	case matchAny(l.globs, name):
		return Left
	case matchAny(freeNames, name):
		return Free
	}
	return Sealed
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
