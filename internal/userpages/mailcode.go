package userpages

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/notice"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/templates"
)

// mailLate is the age from which on the page says that the mail has not been sent yet.
const mailLate = 10 * time.Second

// owesMail returns the address to which a code is sent before a first set-up, and whether
// that is required. An attacker who only has the password can't read the mail there. It is
// the address that the portal names now, or else the last one that it named. If the portal
// never named one, no code is required, and the enrolment's event says so.
func (c *call) owesMail() (to string, owes bool) {
	if !c.EnrolMail || c.user.Activated() {
		return "", false
	}
	if to, owes = notice.Address(c.v.Email); owes {
		return to, true
	}
	return notice.Address(c.user.Email)
}

// mayEnrol reports whether the set-up in progress may be confirmed: no code by email is
// required, or one was entered for the required address (Enrolment.Proven). Proven is sealed
// in the set-up's cookie for this user and visit; see setupOwner.
func (c *call) mayEnrol(e factor.Enrolment) bool {
	to, owes := c.owesMail()
	return !owes || e.Proven == to
}

// mailCodeField returns the empty field for the code by email.
func mailCodeField() templates.Code {
	return templates.Code{Label: templates.Say("mail_code.label"),
		Hint: templates.Say("mail_code.hint", "Count", int(factor.MailCodeLife/time.Minute)), Digits: factor.MailCodeDigits}
}

// showMailCode shows the field for the code if one was sent to the address, or else the
// button that sends one. Opening the page sends no mail.
func (c *call) showMailCode(status int, to string, field templates.Code) {
	page := templates.MailCode{Portal: c.portal(), Address: masked(to), Code: field, Support: contact(c.Support),
		Required: c.Required}
	code, err := c.Store.MailCode(c.r.Context(), c.key())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		c.broken("reading a code by e-mail failed", err)
		return
	}
	if code.Code != nil && code.To == to && c.Clock().Before(code.Expires) {
		page.Sent, page.Failed = true, code.Failed
		page.Late = !code.Failed && c.mailWaits(code)
	}
	c.show(status, page)
}

// mailWaits reports whether the mail with the code is still in the queue although it should
// have been sent: a try failed, or it is older than mailLate.
func (c *call) mailWaits(code store.MailCode) bool {
	m, err := c.Store.Mail(c.r.Context(), code.Mail)
	return err == nil && (m.Tries > 0 || c.Clock().Sub(m.At) >= mailLate)
}

// sendMailCode queues a mail with a code, and redirects to the page with the field for it.
func (c *call) sendMailCode() {
	to, owes := c.owesMail()
	if !owes {
		c.to("/setup")
		return
	}
	a := factor.Attempt{User: c.v.User, Address: c.v.Address, Agent: c.v.Agent}
	err := c.Factors.SendMailCode(c.r.Context(), a, to, c.lang)
	field := mailCodeField()
	var throttled *factor.Throttled
	switch {
	case err == nil:
		c.Logger.Info("code by e-mail queued", c.who()...)
		c.to("/setup")
		return
	case errors.As(err, &throttled):
		minutes := int(throttled.Until.Sub(c.Clock())/time.Minute) + 1
		field.Error = templates.Say("mail_code.limit", "Count", minutes)
		err = fmt.Errorf("so many were sent that the next has to wait until %s", throttled.Until.Format(time.RFC3339))
	case errors.Is(err, store.ErrMailLimit), errors.Is(err, store.ErrMailTold):
		field.Error = templates.Say("mail_code.limit_day")
	case errors.Is(err, factor.ErrChanged):
		c.changed()
		return
	default:
		c.broken("queueing a code by e-mail failed", err)
		return
	}
	c.Logger.Warn("code by e-mail refused", append(c.who(), zap.NamedError("reason", err))...)
	c.showMailCode(http.StatusTooManyRequests, to, field)
}

// proveMail checks the code by email. If it is right, it begins a set-up with the proven
// address in it.
func (c *call) proveMail() {
	to, owes := c.owesMail()
	if !owes {
		c.to("/setup")
		return
	}
	a := c.attempt()
	if err := c.Factors.ProveMail(c.r.Context(), a, to); err != nil {
		c.refuseMail(err, a, to)
		return
	}
	c.Logger.Info("code by e-mail accepted", c.who()...)
	if _, ok := c.begin("", to); ok {
		c.to("/setup")
	}
}

func (c *call) refuseMail(err error, a factor.Attempt, to string) {
	field := mailCodeField()
	field.Focus = true
	switch {
	case errors.Is(err, factor.ErrMalformed) && strings.TrimSpace(a.Code) == "":
		field.Error = templates.Say("code.missing")
	case errors.Is(err, factor.ErrMalformed):
		field.Error = templates.Say("mail_code.malformed")
	case errors.Is(err, factor.ErrWrongCode):
		field.Error = templates.Say("mail_code.wrong")
	case errors.Is(err, factor.ErrMailCodeEnded):
		field.Error = templates.Say("mail_code.too_often")
	case errors.Is(err, factor.ErrNoMailCode):
		field.Error = templates.Say("mail_code.over")
	case errors.Is(err, factor.ErrChanged):
		c.changed()
		return
	default:
		c.broken("checking a code by e-mail failed", err)
		return
	}
	c.Logger.Warn("code by e-mail refused", append(c.who(), zap.NamedError("reason", err))...)
	c.showMailCode(http.StatusUnprocessableEntity, to, field)
}
