package guard

import (
	"net/http"
	"time"

	"github.com/secondgate/secondgate/internal/userpages/cookiestate"
	"github.com/secondgate/secondgate/templates"
)

// languageCookie remembers the choice; it is no secret and not sealed.
const languageCookie = "lang"

const languageLife = 365 * 24 * time.Hour

// Language is that of ?lang= (which is remembered), of the choice remembered, or the
// best for Accept-Language.
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
