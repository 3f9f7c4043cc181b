package userpages

import (
	"errors"
	"html/template"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/userpages/cookiestate"
	"github.com/secondgate/secondgate/templates"
)

// keyGroup is how many letters of the key are shown together.
const keyGroup = 4

func (c *call) showSetup() {
	if c.takeReturn() {
		return
	}
	if c.user.Activated() && !c.cleared() {
		c.toChallenge()
		return
	}
	if fresh, unread := c.freshCodes(); unread && fresh.First {
		// After two clicks on "Turn on" the browser drops the response to the first, which
		// showed the codes, and the second leads here.
		c.to("/backup-codes")
		return
	}
	e, ok := c.enrolment()
	if !ok && c.user.Activated() && !c.recovered() {
		c.show(http.StatusOK, proof(c.eitherCode()))
		return
	}
	if to, owes := c.owesMail(); !ok && owes {
		c.showMailCode(http.StatusOK, to, mailCodeField())
		return
	}
	if !ok {
		if e, ok = c.begin(c.active(), ""); !ok {
			return
		}
	}
	c.showEnrolment(http.StatusOK, e, setupCode(e))
}

func (c *call) answerSetup() {
	switch {
	case c.user.Activated() && !c.cleared():
		c.toChallenge()
	case c.form.Get("action") == "cancel":
		setupField.Drop(c.browser())
		c.to("/")
	case c.form.Get("action") == "replace":
		c.replace()
	case c.form.Get("action") == "send-code":
		c.sendMailCode()
	case c.form.Get("action") == "mail-code":
		c.proveMail()
	default:
		c.confirm()
	}
}

// setupOwner returns the owner of the set-up's cookie. A replacement belongs to the visit's
// clearance, since it began with a fresh code in that visit. A first set-up with a proven
// email address belongs to the visit in which the address was proven. Any other belongs to
// the user.
func (c *call) setupOwner() cookiestate.Owner {
	if c.user.Activated() {
		return cookiestate.Owner{User: c.v.User, Visit: c.v.Clearance.ID}
	}
	if _, owes := c.owesMail(); owes {
		return cookiestate.Owner{User: c.v.User, Visit: c.v.ID}
	}
	return c.owner()
}

// enrolment returns the set-up in progress from its cookie. ok is false if there is none, or
// if the user's factors have changed since. All tabs share it, and it survives a reload and
// a wrong code.
func (c *call) enrolment() (factor.Enrolment, bool) {
	e, ok := setupField.Get(c.browser(), c.setupOwner())
	return e, ok && e.Replaces == c.active() && c.mayEnrol(e)
}

// active returns the id of the user's authenticator, or "".
func (c *call) active() string {
	if c.user.TOTP == nil {
		return ""
	}
	return c.user.TOTP.ID
}

// begin starts a set-up and stores it in its cookie. replaces is the id of the authenticator
// that it replaces, proven the email address that was proven for it; each may be empty. If
// it returns false, it has sent the response.
func (c *call) begin(replaces, proven string) (factor.Enrolment, bool) {
	e, err := c.Factors.Begin(replaces)
	e.Proven = proven
	e.Renew = replaces != "" && c.recovered()
	if err == nil {
		err = setupField.Put(c.browser(), c.setupOwner(), e)
	}
	if err != nil {
		c.broken("beginning a set-up failed", err)
	}
	return e, err == nil
}

// proof is the page that asks for a fresh code before the authenticator is replaced.
func proof(field templates.Code) templates.Page { return templates.Proof{Code: field} }

// replace checks the fresh code that is required before an authenticator is replaced (ASVS
// 7.5.1), and begins the set-up of the new one.
func (c *call) replace() {
	if !c.user.Activated() {
		c.to("/setup")
		return
	}
	a := c.attempt()
	var replaces string
	accepted, err := c.Factors.Spend(c.r.Context(), a, func(_ store.Tx, u *store.User, _ factor.Accepted) error {
		replaces = u.TOTP.ID
		return nil
	})
	if err != nil {
		c.refuse(err, a, c.eitherCode(), proof)
		return
	}
	c.Logger.Info("second factor accepted", append(c.who(), zap.String("factor", accepted.Kind))...)
	if _, ok := c.begin(replaces, ""); ok {
		c.to("/setup")
	}
}

func setupCode(e factor.Enrolment) templates.Code {
	return templates.Code{Label: templates.Say("code.label"),
		Hint: templates.Say("setup.step_confirm_hint", "Digits", e.Digits, "Period", e.Period), Digits: e.Digits}
}

func (c *call) showEnrolment(status int, e factor.Enrolment, field templates.Code) {
	uri := c.Factors.URI(e, c.issuer(), c.account())
	svg, err := factor.QRCode(uri)
	if err != nil {
		c.broken("drawing the QR code failed", err)
		return
	}
	page := templates.Setup{
		Portal: c.portal(), Account: c.account(), ID: e.ID, Required: c.Required && e.Replaces == "", Replaces: e.Replaces != "", Renews: e.Renew,
		QR: template.HTML(svg), URI: template.URL(uri), Key: groups(e.SecretText()),
		Digits: e.Digits, Period: e.Period, Apps: templates.Apps, Code: field,
	}
	if e.Algorithm != factor.SHA1 {
		page.Algorithm = e.Algorithm
	}
	c.show(status, page)
}

func groups(key string) (out []string) {
	for ; len(key) > keyGroup; key = key[keyGroup:] {
		out = append(out, key[:keyGroup])
	}
	return append(out, key)
}

// confirm checks the code of the set-up in progress. If it is right, the set-up becomes the
// user's authenticator and the visit gets a clearance.
func (c *call) confirm() {
	e, ok := c.enrolment()
	if !ok {
		c.flash("flash.restart")
		c.to("/setup")
		return
	}
	if c.form.Get("setup") != e.ID {
		field := setupCode(e)
		field.Error, field.Focus = templates.Say("setup.stale"), true
		c.showEnrolment(http.StatusUnprocessableEntity, e, field)
		return
	}
	rotation := c.v.Visit.Rotate()
	a := factor.Attempt{User: c.v.User, Code: c.form.Get("code"), Address: c.v.Address, Agent: c.v.Agent}
	done, err := c.Factors.Confirm(c.r.Context(), a, e, rotation.Visit(), func(tx store.Tx) error {
		if err := c.noteLanguage(tx); err != nil {
			return err
		}
		return rotation.Grant(tx, factor.KindTOTP)
	})
	if err != nil {
		c.refuseSetup(err, e)
		return
	}
	c.Logger.Info("authenticator confirmed", append(c.who(), zap.Bool("replaced", e.Replaces != ""))...)
	rotation.Commit(c.w)
	c.v.Visit.EndOthers(done.Ended)
	c.v.Visit.Changed()
	setupField.Drop(c.browser())
	c.afterSetup(done.BackupCodes, rotation.Visit(), e.Replaces == "")
}

// afterSetup leads to the page with the new backup codes, or to the settings if the old
// ones stay valid.
func (c *call) afterSetup(codes []string, visit store.VisitID, first bool) {
	if codes == nil {
		c.flash("flash.replaced")
		c.to("/")
		return
	}
	c.keepCodes(codes, visit, first)
}

// refuseSetup answers a code that did not confirm the set-up. The secret is not in use yet,
// so the page may disclose that the code is right for another time, that is, that a clock is
// wrong.
func (c *call) refuseSetup(err error, e factor.Enrolment) {
	field := setupCode(e)
	field.Focus = true
	var clock factor.ErrClock
	switch {
	case errors.Is(err, factor.ErrExpired), errors.Is(err, factor.ErrChanged):
		setupField.Drop(c.browser())
		c.changed()
		return
	case errors.As(err, &clock):
		field.Error = drift(clock.Drift)
	case errors.Is(err, factor.ErrMalformed) && strings.TrimSpace(c.form.Get("code")) == "":
		field.Error = templates.Say("code.missing")
	case errors.Is(err, factor.ErrMalformed), errors.Is(err, factor.ErrWrongCode):
		field.Error = templates.Say("setup.wrong")
	default:
		c.broken("confirming an authenticator failed", err)
		return
	}
	c.showEnrolment(http.StatusUnprocessableEntity, e, field)
}

// drift returns the sentence that tells by how many minutes the telephone's clock is wrong.
func drift(d time.Duration) templates.Text {
	minutes := max(1, int(d.Abs().Round(time.Minute)/time.Minute))
	if d < 0 {
		return templates.Say("code.clock_behind", "Count", minutes)
	}
	return templates.Say("code.clock_ahead", "Count", minutes)
}
