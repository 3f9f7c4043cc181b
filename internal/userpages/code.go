package userpages

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/templates"
)

const (
	// backupLetters is the length of a backup code without its dashes.
	backupLetters = 16
	// clockMisses is after how many wrong codes the clock is worth a look.
	clockMisses = 2
	// wordsInSeconds is up to which wait the pages count seconds.
	wordsInSeconds = 90
)

// kindOf returns the kind of factor that a typed code has the shape of.
func kindOf(code string, digits int) string {
	code = strings.NewReplacer(" ", "", "\t", "", "-", "").Replace(code)
	if len(code) == digits && strings.Trim(code, "0123456789") == "" {
		return factor.KindTOTP
	}
	return factor.KindBackup
}

// attempt is the code that was posted. In a cleared visit it counts against that
// visit's own budget.
func (c *call) attempt() factor.Attempt {
	code := c.form.Get("code")
	a := factor.Attempt{User: c.v.User, Code: code, Kind: kindOf(code, c.digits()), Address: c.v.Address, Agent: c.v.Agent}
	if c.cleared() {
		id := c.v.Clearance.ID
		a.Cleared = &id
	}
	return a
}

func (c *call) digits() int {
	if c.user.TOTP == nil {
		return 0
	}
	return c.user.TOTP.Digits
}

// eitherCode is the field on pages that take any fresh code.
func (c *call) eitherCode() templates.Code {
	return templates.Code{Label: templates.Say("code.either"), Hint: templates.Say("code.either_hint", "Digits", c.digits()),
		Digits: c.digits(), Mixed: true}
}

// refuse answers a code that was not accepted: mostly with its page again, which page
// makes from the field with the reasons in it. Statuses: 422 for a wrong or malformed
// code (401 would make browsers look for a scheme, 200 would look like success), 429
// for a wait that is in effect, 403 where only a backup code helps, 503 for our faults.
func (c *call) refuse(err error, a factor.Attempt, field templates.Code, page func(templates.Code) templates.Page) {
	status := http.StatusUnprocessableEntity
	var throttled *factor.Throttled
	switch {
	case errors.Is(err, factor.ErrEnded):
		c.endedHere()
		return
	case errors.Is(err, factor.ErrChanged), errors.Is(err, factor.ErrNoFactor):
		c.changed()
		return
	case errors.As(err, &throttled):
		status, field.Error = http.StatusTooManyRequests, c.throttled(throttled)
	case errors.Is(err, factor.ErrOff):
		status, field.Error = http.StatusForbidden, templates.Say("code.off")
	case errors.Is(err, factor.ErrMalformed):
		field.Error = c.malformed(a)
	case errors.Is(err, factor.ErrWrongCode):
		field.Error, field.More = templates.Say("code.wrong"), c.consequences(a)
	default:
		c.broken("checking a code failed", err)
		return
	}
	c.Logger.Warn("second factor refused", append(c.who(), zap.String("factor", a.Kind), zap.NamedError("reason", err))...)
	field.Focus = true
	c.show(status, page(field))
}

func (c *call) malformed(a factor.Attempt) templates.Text {
	if strings.TrimSpace(a.Code) == "" {
		return templates.Say("code.missing")
	}
	return templates.Say("code.malformed", "Digits", c.digits(), "Letters", backupLetters)
}

// consequences says what a wrong code of the authenticator has brought about: how many
// tries are left or how long to wait, and when to look at the clock. None of it discloses
// anything about the code itself.
func (c *call) consequences(a factor.Attempt) (more []templates.Text) {
	if a.Cleared != nil || a.Kind != factor.KindTOTP {
		return nil // counted apart, and without a wait of the user
	}
	u, err := c.Store.User(c.r.Context(), c.key())
	if err != nil {
		return nil // the refusal stands; only its explanation is shorter
	}
	f := u.Failures[a.Kind]
	if f.Until.After(c.Clock()) {
		more = append(more, c.wait(f.Until))
	} else if left := c.FreeTries + 1 - f.Count; c.FreeTries > 0 && left > 0 {
		more = append(more, templates.Say("code.left", "Count", left))
	}
	if f.Count >= clockMisses {
		more = append(more, templates.Say("code.clock", "Time", c.Clock().UTC().Format(time.TimeOnly)))
	}
	return more
}

// throttled says how long to wait, and of a wait of the client's network that another
// network helps.
func (c *call) throttled(t *factor.Throttled) templates.Text {
	if !t.ByAddress() {
		return c.wait(t.Until)
	}
	return templates.Say("code.wait_network", "Count", (c.retryAfter(t.Until)+59)/60)
}

// retryAfter sets Retry-After, and returns its seconds.
func (c *call) retryAfter(until time.Time) int {
	seconds := max(1, int((until.Sub(c.Clock())+time.Second-1)/time.Second))
	c.w.Header().Set("Retry-After", fmt.Sprint(seconds))
	return seconds
}

// wait says how long to wait, to people and in Retry-After.
func (c *call) wait(until time.Time) templates.Text {
	seconds := c.retryAfter(until)
	if seconds <= wordsInSeconds {
		return templates.Say("code.wait_seconds", "Count", seconds)
	}
	return templates.Say("code.wait_minutes", "Count", (seconds+59)/60)
}

// endedHere is for the wrong code that ended this session.
func (c *call) endedHere() {
	c.Logger.Warn("session ended after wrong codes", c.who()...)
	c.v.Visit.EndOthers([]store.VisitID{c.v.Clearance.ID})
	if !c.leave() {
		return
	}
	c.show(http.StatusForbidden, templates.Notice{
		Title: templates.Say("ended_here.title"), Body: templates.Say("ended_here.text", "Portal", c.portal()), Problem: true,
		Link: "/", LinkText: templates.Say("signed_out.link", "Portal", c.portal()),
	})
}
