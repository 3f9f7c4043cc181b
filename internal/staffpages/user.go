package staffpages

import (
	"net/http"
	"slices"

	"github.com/secondgate/secondgate/internal/staff"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/userpages/agent"
	"github.com/secondgate/secondgate/templates"
)

// showUser shows one user with sessions and history, and links to the possible acts.
func (c *call) showUser() {
	query := c.r.URL.Query()
	d, ok := c.details(query.Get("realm"), query.Get("id"))
	if !ok {
		return
	}
	page := templates.StaffUser{
		Account: account(d.Account), List: address("/", "realm", d.Realm), Looks: !c.v.Acts,
		Sessions: sessions(d.Sessions), SessionCount: d.SessionCount, History: history(d.History),
	}
	if r := d.Recovery; r != nil {
		page.RecoveryIssued, page.RecoveryExpires, page.RecoveryStaff = r.Issued, r.Expires, r.Staff
	}
	for _, a := range acts {
		if c.v.Acts && a.can(d) {
			page.Acts = append(page.Acts, templates.StaffLink{Label: a.label, Href: a.href(d.Account), Danger: a.danger})
		}
	}
	c.show(http.StatusOK, page)
}

// details reads one user. If it returns false, it has sent the response.
func (c *call) details(realm, id string) (staff.Details, bool) {
	realm, ok := c.realm(realm)
	if !ok {
		return staff.Details{}, false
	}
	d, err := c.Desk().Show(c.r.Context(), realm, id)
	if err != nil {
		c.fail(err, noUser)
		return d, false
	}
	return d, true
}

func sessions(all []staff.Session) (out []templates.Session) {
	for _, s := range all {
		shown := templates.Session{Address: s.Address, Factor: s.Factor, Since: s.Since, Seen: s.Seen}
		shown.Browser, shown.System = agent.Device(s.Agent)
		out = append(out, shown)
	}
	return out
}

// inHistory are the kinds of events that the history has a sentence for: the text "history.KIND".
var inHistory = []string{
	store.EventSignIn, store.EventSignedOut, store.EventPassed, store.EventFailed, store.EventThrottled, store.EventLocked,
	store.EventEnrolled, store.EventReplaced, store.EventDisabled, store.EventBackupGenerated, store.EventBackupUsed, store.EventRecoveryUsed,
	store.EventSessionEnded, store.EventSessionsEnded, store.EventEnrolMailSent, store.EventEnrolMailFailed, store.EventImported,
	store.EventStaffReset, store.EventStaffUnlocked, store.EventStaffEndedSessions, store.EventStaffRecoveryCode,
}

// means has the names of the factors for events in withFactor.
var means = map[string]templates.Text{
	"totp": templates.Say("common.totp"), "backup": templates.Say("common.backup"), "recovery": templates.Say("desk.recovery_code"),
}

// withFactor are the kinds of events that are shown with the factor, because their sentence
// does not name it.
var withFactor = map[string]bool{store.EventPassed: true, store.EventFailed: true, store.EventThrottled: true}

func history(events []store.Event) (out []templates.StaffEvent) {
	for _, e := range events {
		shown := templates.StaffEvent{At: e.At, Kind: e.Kind, Staff: e.Staff, Reason: e.Reason, Address: e.Address}
		if slices.Contains(inHistory, e.Kind) {
			shown.What = templates.Say("history." + e.Kind)
		}
		if withFactor[e.Kind] {
			shown.Factor = means[e.Factor]
		}
		shown.Browser, shown.System = agent.Device(e.Agent)
		out = append(out, shown)
	}
	return out
}
