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

// signedIn shows the page to visitors only who are signed in at the portal.
func signedIn(page func(*call)) func(*call) {
	return func(c *call) {
		if c.loadUser() {
			page(c)
		}
	}
}

// cleared shows the page to visitors only who owe no code: those with a clearance, and
// those who have no second factor.
func cleared(page func(*call)) func(*call) {
	return signedIn(func(c *call) {
		if c.user.Activated() && !c.cleared() {
			c.toChallenge()
			return
		}
		page(c)
	})
}

func (c *call) cleared() bool {
	return c.v.Clearance != nil && c.v.Clearance.User == c.v.User && !c.v.Owes
}

func (c *call) key() store.UserKey { return store.UserKey{Realm: c.Realm, ID: c.v.User} }

// loadUser reads the visitor's record. When it returns false, an answer was given.
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

// keepLanguage remembers the language for notices. Only a visitor with a clearance may
// choose it, from a page of this origin: an attacker with the password, or with a link on
// another site, could choose one that the user can't read. If it can't be kept, the page is shown all the same.
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

// signedOut answers a visitor who is not signed in on a page about an account.
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

// toChallenge redirects to the challenge, which leads back to this page.
func (c *call) toChallenge() {
	ret := Return{User: c.v.User, Target: c.r.URL.EscapedPath(), NotSent: c.form != nil}
	c.State.SetReturn(c.w, ret, c.v.Secure)
	c.to("/challenge")
}

// to answers 303 to an own page.
func (c *call) to(sub string) { c.redirect(c.Path + sub) }

// changed leads to the settings, which show what another tab or staff changed meanwhile.
func (c *call) changed() {
	c.flash("flash.changed")
	c.to("/")
}

func (c *call) redirect(target string) { guard.Redirect(c.w, target) }

// show renders a page with the message that is left for the next page.
func (c *call) show(status int, page templates.Page) {
	c.showFramed(status, page, templates.Frame{Flash: c.takeFlash()})
}

func (c *call) showFramed(status int, page templates.Page, f templates.Frame) {
	f.Language, f.Portal, f.Query = c.lang, c.portal(), c.ownQuery()
	guard.Render(c.w, c.r, c.Logger, c.set, status, f, page)
}

func (c *call) deny(d *guard.Denial) {
	// The message for the next page is kept for a page that the user meant to see.
	c.showFramed(d.Status, templates.Notice{Title: d.Title, Body: d.Body, Problem: true,
		Link: c.Path + "/", LinkText: templates.Say("problem.settings")}, templates.Frame{})
}

// broken answers a failure of the server: it logs the reason and tells the customer what to
// do.
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

// ownQuery is what the language switch keeps of the page's query.
func (c *call) ownQuery() url.Values {
	q := url.Values{}
	for _, name := range []string{"use", "as"} {
		if v := c.r.URL.Query().Get(name); v != "" {
			q.Set(name, v)
		}
	}
	return q
}

// portal is the portal's name on the pages, issuer that in the authenticator app.
func (c *call) portal() string { return cmp.Or(c.Brand.Name, c.Issuer, c.v.Host) }
func (c *call) issuer() string { return cmp.Or(c.Issuer, c.Brand.Name, c.v.Host) }
