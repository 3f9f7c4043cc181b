package userpages

import (
	"strconv"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/userpages/agent"
	"github.com/secondgate/secondgate/templates"
)

const (
	// maxActivity is the number of events that the page lists. activityPage is the number
	// that is read from the store for it; it is larger because some events are not listed.
	maxActivity  = 20
	activityPage = 50
)

// byStaff are the kinds of events that support staff cause. They are listed without address
// and browser, which are those of the staff member.
var byStaff = map[string]bool{
	store.EventStaffReset: true, store.EventStaffUnlocked: true, store.EventStaffEndedSessions: true,
	store.EventStaffRecoveryCode: true, store.EventImported: true,
}

// ofCustomers are the other kinds of events that are listed.
var ofCustomers = map[string]bool{
	store.EventSignIn: true, store.EventSignedOut: true, store.EventPassed: true, store.EventFailed: true,
	store.EventThrottled: true, store.EventLocked: true, store.EventEnrolled: true, store.EventReplaced: true,
	store.EventDisabled: true, store.EventBackupGenerated: true, store.EventBackupUsed: true,
	store.EventRecoveryUsed: true, store.EventSessionEnded: true, store.EventSessionsEnded: true,
}

// activity returns the recent events of the visitor's account for the settings page, newest
// first. If they can't be read, the page is shown without them.
func (c *call) activity() (list []templates.Activity) {
	q := store.EntryQuery{Realm: c.Realm, User: c.v.User, Newest: true, Limit: activityPage}
	page, err := c.Store.Entries(c.r.Context(), q)
	if err != nil {
		c.Logger.Error("recent activity could not be read", append(c.who(), zap.Error(err))...)
		return nil
	}
	for i := range page.Entries {
		if e := &page.Entries[i].Event; shown(e) && len(list) < maxActivity {
			list = append(list, activityOf(e))
		}
	}
	return list
}

// shown reports whether an event is listed. An accepted backup or recovery code is recorded
// as two events; the one of the kind EventPassed is left out.
func shown(e *store.Event) bool {
	double := e.Kind == store.EventPassed && e.Factor != "totp"
	return (ofCustomers[e.Kind] || byStaff[e.Kind]) && !double
}

func activityOf(e *store.Event) templates.Activity {
	a := templates.Activity{At: e.At, What: templates.Say("activity." + e.Kind)}
	if n, err := strconv.Atoi(e.Detail["count"]); err == nil && e.Kind == store.EventSignIn {
		a.What = templates.Say("activity.sign_in_more", "Count", n)
	}
	if byStaff[e.Kind] {
		return a
	}
	a.Address = e.Address
	a.Browser, a.System = agent.Device(e.Agent)
	return a
}
