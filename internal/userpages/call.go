package userpages

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/userpages/guard"
	"github.com/secondgate/secondgate/templates"
)

// call is one request to an own page.
type call struct {
	*Pages
	w    http.ResponseWriter
	r    *http.Request
	v    *Visitor
	lang string
	// form is what was posted; nil for a GET.
	form url.Values
	// user is the visitor's record; zero for one who has none yet.
	user store.User
}

// signedIn returns a handler that calls page only if the visitor is signed in at the portal.
func signedIn(page func(*call)) func(*call) {
	return func(c *call) {
		if c.loadUser() {
			page(c)
		}
	}
}

// cleared returns a handler that calls page only if the visitor owes no code: with a
// clearance, or without a second factor. Others are sent to the challenge.
func cleared(page func(*call)) func(*call) {
	return signedIn(func(c *call) {
		if c.user.Activated() && !c.cleared() {
			c.toChallenge()
			return
		}
		page(c)
	})
}

// cleared reports whether this visit has a clearance for its user.
func (c *call) cleared() bool {
	return c.v.Clearance != nil && c.v.Clearance.User == c.v.User && !c.v.Owes
}

func (c *call) key() store.UserKey { return store.UserKey{Realm: c.Realm, ID: c.v.User} }

// loadUser reads the visitor's record into c.user. If it returns false, it has sent the
// response.
func (c *call) loadUser() bool {
	if c.v.User == "" {
		c.signedOut()
		return false
	}
	u, err := c.Store.User(c.r.Context(), c.key())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		c.broken("reading a user failed", err)
		return false
	}
	c.user = u
	if err == nil && u.Language != c.lang && c.cleared() && (c.form != nil || fromHere(c.r, c.v.Secure)) {
		c.keepLanguage()
	}
	return true
}

// keepLanguage stores the page's language for the user's email notices. loadUser calls it
// only for a visitor with a clearance who came from a page of this origin. Otherwise an
// attacker with the password, or with a link on another site, could choose a language that
// the user can't read. If it can't be stored, the page is shown all the same.
func (c *call) keepLanguage() {
	if err := c.Store.Update(c.r.Context(), c.key(), c.noteLanguage); err != nil {
		c.Logger.Warn("a user's language could not be kept", append(c.who(), zap.Error(err))...)
	}
}

func (c *call) noteLanguage(tx store.Tx) error {
	u, err := tx.User()
	if err != nil {
		return err
	}
	u.Language = c.lang
	return tx.PutUser(u)
}

// signedOut answers the request of a visitor who is not signed in for a page that needs a
// user.
func (c *call) signedOut() {
	if c.form == nil && c.r.URL.Path == c.Path+"/challenge" {
		c.redirect("/")
		return
	}
	c.show(http.StatusForbidden, templates.Notice{
		Title: templates.Say("signed_out.title"), Body: templates.Say("signed_out.text", "Portal", c.portal()),
		Link: "/", LinkText: templates.Say("signed_out.link", "Portal", c.portal()),
	})
}

// toChallenge redirects to the challenge, and stores this page as the one to return to.
func (c *call) toChallenge() {
	ret := Return{User: c.v.User, Target: c.r.URL.EscapedPath(), NotSent: c.form != nil}
	c.State.SetReturn(c.w, ret, c.v.Secure)
	c.to("/challenge")
}

// to redirects (303) to an own page.
func (c *call) to(sub string) { c.redirect(c.Path + sub) }

// changed redirects to the settings, with a message that another tab or staff changed the
// user's factors meanwhile.
func (c *call) changed() {
	c.flash("flash.changed")
	c.to("/")
}

func (c *call) redirect(target string) { guard.Redirect(c.w, target) }

// show renders a page with the message that an earlier request left for it (flash).
func (c *call) show(status int, page templates.Page) {
	c.showFramed(status, page, templates.Frame{Flash: c.takeFlash()})
}

func (c *call) showFramed(status int, page templates.Page, f templates.Frame) {
	f.Language, f.Portal, f.Query = c.lang, c.portal(), c.ownQuery()
	guard.Render(c.w, c.r, c.Logger, c.set, status, f, page)
}

func (c *call) deny(d *guard.Denial) {
	// The flash is not taken: it is kept for the next page that is no refusal.
	c.showFramed(d.Status, templates.Notice{Title: d.Title, Body: d.Body, Problem: true,
		Link: c.Path + "/", LinkText: templates.Say("problem.settings")}, templates.Frame{})
}

// broken answers 503 after a failure of the server. It logs the reason; the page only tells
// the customer what to do.
func (c *call) broken(message string, err error) {
	c.Logger.Error(message, append(c.who(), zap.Error(err))...)
	c.w.Header().Set("Retry-After", "30")
	c.show(http.StatusServiceUnavailable, templates.Notice{
		Title: templates.Say("problem.store_title"), Body: templates.Say("problem.store"), Problem: true,
		Link: c.r.URL.EscapedPath(), LinkText: templates.Say("problem.retry"), Support: contact(c.Support),
	})
}

// who returns the fields that every log line about a visitor has.
func (c *call) who() []zap.Field {
	return []zap.Field{zap.String("realm", c.Realm), zap.String("user_id", c.v.User), zap.String("client_ip", c.v.Address)}
}

// ownQuery returns the parameters of the page's query that the links of the language switch
// keep.
func (c *call) ownQuery() url.Values {
	q := url.Values{}
	for _, name := range []string{"use", "as"} {
		if v := c.r.URL.Query().Get(name); v != "" {
			q.Set(name, v)
		}
	}
	return q
}

// portal returns the portal's name on the pages, and issuer that in the authenticator app.
func (c *call) portal() string { return cmp.Or(c.Brand.Name, c.Issuer, c.v.Host) }
func (c *call) issuer() string { return cmp.Or(c.Issuer, c.Brand.Name, c.v.Host) }
