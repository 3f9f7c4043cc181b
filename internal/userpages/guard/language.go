package guard

import (
	"net/http"
	"time"

	"github.com/secondgate/secondgate/internal/userpages/cookiestate"
	"github.com/secondgate/secondgate/templates"
)

// languageCookie is the cookie with the chosen language. It is no secret and is not sealed.
const languageCookie = "lang"

const languageLife = 365 * 24 * time.Hour

// Language returns the language for a page: that of ?lang=, which a GET also stores in the
// cookie, or else that of the cookie, or else the best one for Accept-Language.
func Language(w http.ResponseWriter, r *http.Request, set *templates.Set, secure bool) string {
	name := cookiestate.CookieName(languageCookie, secure)
	if chosen := r.URL.Query().Get("lang"); chosen != "" && set.Has(chosen) {
		if r.Method == http.MethodGet {
			cookiestate.SetCookie(w, name, chosen, languageLife, secure)
		}
		return chosen
	}
	remembered := ""
	if cookie, err := r.Cookie(name); err == nil {
		remembered = cookie.Value
	}
	return set.Match(remembered, r.Header.Get("Accept-Language"))
}
