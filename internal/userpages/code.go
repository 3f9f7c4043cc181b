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
	// clockMisses is the number of wrong codes from which on the page asks to check the
	// telephone's clock.
	clockMisses = 2
	// wordsInSeconds is the longest wait, in seconds, that the pages tell in seconds. Longer
	// ones are told in minutes.
	wordsInSeconds = 90
)

// kindOf returns the kind of factor by the shape of a typed code: all digits and as many as
// an app shows is TOTP, anything else a backup code.
func kindOf(code string, digits int) string {
	code = strings.NewReplacer(" ", "", "\t", "", "-", "").Replace(code)
	if len(code) == digits && strings.Trim(code, "0123456789") == "" {
		return factor.KindTOTP
	}
	return factor.KindBackup
}

// attempt returns the code that was posted as an attempt for package factor. In a cleared
// visit, wrong codes count for that visit and not for the user (Attempt.Cleared), so that
// they lock no other browser out.
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

// eitherCode returns the field for pages that accept a code of any kind.
func (c *call) eitherCode() templates.Code {
	return templates.Code{Label: templates.Say("code.either"), Hint: templates.Say("code.either_hint", "Digits", c.digits()),
		Digits: c.digits(), Mixed: true}
}

// refuse answers an attempt that failed with err. In most cases it shows the page again,
// which the function page makes from the field with the reason. Statuses: 422 for a wrong or
// malformed code (401 would need an authentication scheme, 200 would look like success), 429
// during a wait, 403 if only a backup code helps, 503 for a failure of the server.
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

// consequences returns the sentences about what a wrong code of the authenticator has caused:
// how many tries are left or how long to wait, and, after several, the hint to check the
// clock. They disclose nothing about the right code.
func (c *call) consequences(a factor.Attempt) (more []templates.Text) {
	if a.Cleared != nil || a.Kind != factor.KindTOTP {
		return nil // counted elsewhere, without a wait for the user
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

// throttled returns the sentence that tells how long to wait. If the wait is for the
// client's network, the sentence also says that another network helps.
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

// wait returns the sentence that tells how long to wait, and sets Retry-After.
func (c *call) wait(until time.Time) templates.Text {
	seconds := c.retryAfter(until)
	if seconds <= wordsInSeconds {
		return templates.Say("code.wait_seconds", "Count", seconds)
	}
	return templates.Say("code.wait_minutes", "Count", (seconds+59)/60)
}

// endedHere ends this visit after one wrong code too many in it, and says so.
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
