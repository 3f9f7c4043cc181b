package staffpages

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/secondgate/secondgate/internal/staff"
	"github.com/secondgate/secondgate/templates"
)

// recoveryHours are the lives of a recovery code, in hours, that the form offers.
var recoveryHours = []int{1, 4, 24, 72, 168}

func lives() (choices []templates.Choice) {
	for _, h := range recoveryHours {
		label := templates.Say("desk.hours", "Count", h)
		if h > 24 {
			label = templates.Say("desk.days", "Count", h/24)
		}
		choices = append(choices, templates.Choice{Value: strconv.Itoa(h), Label: label})
	}
	return choices
}

// hours returns the life that the form chose, or 0 if it is no number.
func (c *call) hours() int {
	n, err := strconv.Atoi(c.form.Get("life"))
	if err != nil {
		return 0
	}
	return n
}

// issue makes a recovery code, and returns the address of the page that shows it. The code
// is passed to that page in a sealed cookie, and not in the address, which browsers and logs
// keep.
func (c *call) issue(ctx context.Context, a staff.Act, d staff.Details) (string, error) {
	code, until, err := c.Desk().RecoveryCode(ctx, a, time.Duration(c.hours())*time.Hour)
	if err != nil {
		return "", err
	}
	if err := codeField.Put(c.browser(), c.owner(), issued{d.Realm, d.ID, code, until}); err != nil {
		return "", err
	}
	c.said("desk.done_recovery", d, 0)
	return address("/recovery-code", "realm", d.Realm, "id", d.ID), nil
}

// showCode shows a recovery code that was just issued, once.
func (c *call) showCode() {
	query := c.r.URL.Query()
	d, ok := c.details(query.Get("realm"), query.Get("id"))
	if !ok {
		return
	}
	page := templates.StaffCode{Account: account(d.Account), Back: account(d.Account).Href}
	if c.r.Method == http.MethodGet {
		code := c.takeCode(d.Realm, d.ID)
		page.Code, page.Expires = code.Code, code.Expires
	}
	if again, _ := findAct("recovery"); again.can(d) {
		page.Again = again.href(d.Account)
	}
	c.show(http.StatusOK, page)
}
