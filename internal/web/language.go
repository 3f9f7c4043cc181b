package web

import (
	"net/http"
	"time"

	"github.com/secondgate/secondgate/internal/web/sealed"
)

// languageCookie remembers the choice; it is no secret and not sealed.
const languageCookie = "lang"

const languageLife = 365 * 24 * time.Hour

// language is that of ?lang= (which is remembered), of the choice remembered, or the
// best for Accept-Language.
func (p *Pages) language(w http.ResponseWriter, r *http.Request, v *Visitor) string {
	name := sealed.CookieName(languageCookie, v.Secure)
	if chosen := r.URL.Query().Get("lang"); chosen != "" && p.set.Has(chosen) {
		if r.Method == http.MethodGet {
			sealed.SetCookie(w, name, chosen, languageLife, v.Secure)
		}
		return chosen
	}
	remembered := ""
	if cookie, err := r.Cookie(name); err == nil {
		remembered = cookie.Value
	}
	return p.set.Match(remembered, r.Header.Get("Accept-Language"))
}
