package userpages

import (
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/templates"
)

func (c *call) showChallenge() {
	switch {
	case c.takeReturn():
	case c.cleared() || !c.user.Activated() && !c.v.Owes:
		c.goOn()
	case !c.user.Activated():
		c.to("/setup")
	default:
		c.show(http.StatusOK, c.challenge(c.challengeField()))
	}
}

// forBackup reports whether the challenge page for a backup code is shown. It only changes
// the texts: both pages accept both kinds of codes.
func (c *call) forBackup() bool { return c.r.URL.Query().Get("use") == "backup" }

func (c *call) challengeField() templates.Code {
	if c.forBackup() {
		return templates.Code{Label: templates.Say("code.backup_label"), Hint: templates.Say("code.backup_hint"), Focus: true}
	}
	return templates.Code{Label: templates.Say("code.label"), Hint: templates.Say("code.app_hint", "Digits", c.digits()),
		Digits: c.digits(), Focus: true}
}

func (c *call) challenge(field templates.Code) templates.Page {
	return templates.Challenge{Portal: c.portal(), Account: c.beforeCode(), Backup: c.forBackup(), Digits: c.digits(), Code: field}
}

// answerChallenge checks the code that was sent, and gives the visit a clearance. "Cancel and
// sign out" is handled before the user is read, so that it works without a known user.
func (c *call) answerChallenge() {
	if c.form.Get("action") == "sign-out" {
		c.signOut()
		return
	}
	if !c.loadUser() {
		return
	}
	if c.cleared() || !c.user.Activated() {
		c.to("/challenge") // another tab has passed already, so the code is not spent
		return
	}
	rotation := c.v.Visit.Rotate()
	a := c.attempt()
	a.Recovery = true
	accepted, err := c.Factors.Spend(c.r.Context(), a, func(tx store.Tx, _ *store.User, accepted factor.Accepted) error {
		return rotation.Grant(tx, accepted.Kind)
	})
	if err != nil {
		c.refuse(err, a, c.challengeField(), c.challenge)
		return
	}
	c.Logger.Info("second factor accepted", append(c.who(), zap.String("factor", accepted.Kind))...)
	rotation.Commit(c.w)
	if accepted.Kind == factor.KindRecovery {
		c.afterRecovery()
		return
	}
	c.goOn()
}

// goOn redirects to the page that the browser wanted before the challenge. If that request
// was a form, a page says that the form was not sent. After a POST that page is shown only
// behind a redirect, so that a reload does not send the code again.
func (c *call) goOn() {
	if ret, ok := peekReturn(c.browser(), c.v.User); ok && ret.NotSent && c.form != nil {
		c.to("/challenge")
		return
	}
	ret, ok := c.State.TakeReturn(c.w, c.r, c.v.User, c.v.Secure)
	switch {
	case !ok:
		c.redirect("/")
	case ret.NotSent:
		c.show(http.StatusOK, templates.Notice{
			Title: templates.Say("not_sent.title"), Body: templates.Say("not_sent.text", "Portal", c.portal()),
			Link: ret.Target, LinkText: templates.Say("not_sent.link"),
		})
	default:
		c.redirect(ret.Target)
	}
}

// signOut ends this visit: its clearance here, and its session at the portal in so far as
// its sealed cookies are deleted.
func (c *call) signOut() {
	if !c.leave() {
		return
	}
	c.Logger.Info("signed out", c.who()...)
	c.redirect("/")
}

// leave ends the visit, and deletes its cookies and those of the own pages in the browser.
// If it returns false, it has sent the response.
func (c *call) leave() bool {
	if err := c.v.Visit.End(c.w, c.r); err != nil {
		c.broken("ending a visit failed", err)
		return false
	}
	setupField.Drop(c.browser())
	returnField.Drop(c.browser())
	codesField.Drop(c.browser())
	flashField.Drop(c.browser())
	return true
}

// recoveredTime is how long after a challenge that was passed with a recovery code the user
// may replace the authenticator without another code.
const recoveredTime = time.Hour

// recovered reports whether this visit passed the challenge with a recovery code within
// recoveredTime. The authenticator may then be replaced without another fresh code (ASVS
// 7.5.1), since a user who needed a recovery code has none. This works once: confirming the
// new authenticator ends this clearance and gives one of the kind TOTP. All other changes
// require a fresh code.
func (c *call) recovered() bool {
	if !c.cleared() || c.v.Clearance.Factor != factor.KindRecovery {
		return false
	}
	age := c.Clock().Sub(c.v.Clearance.At)
	return age >= 0 && age < recoveredTime
}

// afterRecovery redirects to the settings, which say what to do now. The page that the
// browser wanted before the challenge is dropped.
func (c *call) afterRecovery() {
	returnField.Drop(c.browser())
	c.to("/")
}
