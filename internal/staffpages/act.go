package staffpages

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/staff"
	"github.com/secondgate/secondgate/internal/userpages/guard"
	"github.com/secondgate/secondgate/templates"
)

// act is one thing that staff can do to a user.
type act struct {
	// name is the value of the parameter `act` in forms and addresses.
	name                    string
	label, title, text, ask templates.Text
	danger                  bool
	// can reports whether the act is possible for a user in this state.
	can func(d staff.Details) bool
	// do performs the act, and returns how many sessions it ended. done is the id of the
	// message after it. Both are empty for the recovery code: see issue.
	do   func(d Desk, ctx context.Context, a staff.Act) (sessions int, err error)
	done string
}

var acts = []act{
	{
		name: "recovery", label: templates.Say("desk.recovery"), title: templates.Say("desk.recovery_title"),
		text: templates.Say("desk.recovery_text"), ask: templates.Say("desk.recovery_ask"),
		can: func(d staff.Details) bool { return d.Activated },
	},
	{
		name: "unlock", label: templates.Say("desk.unlock"), title: templates.Say("desk.unlock_title"),
		text: templates.Say("desk.unlock_text"), ask: templates.Say("desk.unlock_ask"),
		can:  func(d staff.Details) bool { return d.Locked() },
		do:   func(d Desk, ctx context.Context, a staff.Act) (int, error) { return 0, d.Unlock(ctx, a) },
		done: "desk.done_unlock",
	},
	{
		name: "end", label: templates.Say("desk.end"), title: templates.Say("desk.end_title"), text: templates.Say("desk.end_text"),
		can: func(staff.Details) bool { return true }, do: Desk.EndSessions, done: "desk.done_end",
	},
	{
		name: "reset", label: templates.Say("desk.reset"), title: templates.Say("desk.reset_title"),
		text: templates.Say("desk.reset_text"), ask: templates.Say("desk.reset_ask"), danger: true,
		can: func(d staff.Details) bool { return d.Activated }, do: Desk.Reset, done: "desk.done_reset",
	},
}

func (a act) href(u staff.Account) string {
	return address("/act", "act", a.name, "realm", u.Realm, "id", u.ID)
}

func findAct(name string) (act, bool) {
	for _, a := range acts {
		if a.name == name {
			return a, true
		}
	}
	return act{}, false
}

// showAct shows the form of an act, which asks for the reason.
func (c *call) showAct() {
	query := c.r.URL.Query()
	a, known := findAct(query.Get("act"))
	if !known {
		c.deny(guard.NotFound)
		return
	}
	d, ok := c.details(query.Get("realm"), query.Get("id"))
	if !ok {
		return
	}
	if !a.can(d) {
		c.notDone(d)
		return
	}
	c.show(http.StatusOK, c.blank(a, d))
}

// blank returns the act's form with nothing filled in.
func (c *call) blank(a act, d staff.Details) templates.StaffAct {
	page := templates.StaffAct{
		Act: a.name, Title: a.title, Text: a.text, Ask: a.ask, Submit: a.label, Danger: a.danger,
		Account: account(d.Account), Staff: c.v.Staff, MinReason: staff.MinReason, MaxReason: staff.MaxReason,
		Back: account(d.Account).Href,
	}
	if a.name == "recovery" {
		page.Lives, page.Life = lives(), strconv.Itoa(int(staff.DefaultRecoveryLife/time.Hour))
	}
	return page
}

// doAct performs the act that a form asks for.
func (c *call) doAct() {
	a, known := findAct(c.form.Get("act"))
	if !known {
		c.deny(guard.Unreadable)
		return
	}
	d, ok := c.details(c.form.Get("realm"), c.form.Get("id"))
	if !ok {
		return
	}
	if a.name == "recovery" && !slices.Contains(recoveryHours, c.hours()) {
		c.deny(guard.Unreadable)
		return
	}
	asked := staff.Act{Realm: d.Realm, User: d.ID, Staff: c.v.Staff, Reason: c.form.Get("reason"), Address: c.v.Address}
	next, err := c.act(a, asked, d)
	switch {
	case errors.Is(err, staff.ErrInput):
		c.again(a, d, asked.Reason)
	case errors.Is(err, staff.ErrRefused):
		c.notDone(d)
	case err != nil:
		c.fail(err, guard.Unreadable)
	default:
		c.log("staff acted", zap.InfoLevel, zap.String("act", a.name), zap.String("realm", d.Realm), zap.String("user_id", d.ID))
		c.Acted()
		c.redirect(next)
	}
}

// again shows the form once more, and says what is wrong with the reason.
func (c *call) again(a act, d staff.Details, reason string) {
	page := c.blank(a, d)
	page.Reason = reason
	if life := c.form.Get("life"); life != "" {
		page.Life = life
	}
	switch n := utf8.RuneCountInString(strings.TrimSpace(reason)); {
	case n < staff.MinReason:
		page.Error = templates.Say("desk.reason_missing")
	case n > staff.MaxReason:
		page.Error = templates.Say("desk.reason_long", "Count", staff.MaxReason)
	default:
		page.Error = templates.Say("desk.reason_line")
	}
	c.show(http.StatusUnprocessableEntity, page)
}

// notDone answers an act that is no longer possible, for example because another staff member
// has done it meanwhile.
func (c *call) notDone(d staff.Details) {
	shown := account(d.Account)
	c.leaveFlash(flash{ID: "desk.not_done", User: shown.Shown()})
	c.redirect(shown.Href)
}

// said stores the message about a finished act for the next page, and returns the address of
// the user's page.
func (c *call) said(id string, d staff.Details, count int) string {
	shown := account(d.Account)
	f := flash{ID: id, User: shown.Shown(), Count: count}
	if c.Mails() {
		f.Told = d.Email
	}
	c.leaveFlash(f)
	return shown.Href
}

// act performs an act, and returns the address of the next page. The act is not cancelled if
// the browser disconnects.
func (c *call) act(a act, asked staff.Act, d staff.Details) (next string, err error) {
	ctx := context.WithoutCancel(c.r.Context())
	if a.do == nil {
		return c.issue(ctx, asked, d)
	}
	n, err := a.do(c.Desk(), ctx, asked)
	if err != nil {
		return "", err
	}
	return c.said(a.done, d, n), nil
}
