package templates_test

import (
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/templates"
	"github.com/secondgate/secondgate/templates/templatestest"
)

// staffPages is every page of staff with every field in use.
func staffPages() map[string]templates.Page {
	alice := templates.StaffAccount{
		Realm: "default", ID: "17", Name: "Alice", Email: "alice@example.com", Href: "/user?id=17", Activated: true, TOTP: true, Backup: true,
		FirstSeen: now, EnabledAt: now, UsedAt: now, LockedUntil: now, BackupLeft: 1, BackupTotal: 10,
	}
	bob := templates.StaffAccount{Realm: "default", ID: "18", Href: "/user?id=18"}
	off := templates.StaffAccount{Realm: "default", ID: "19", Off: true, TOTP: true, Activated: true}
	choices := []templates.Choice{{Value: "any", Label: templates.Say("desk.any")}}
	return map[string]templates.Page{
		"users": templates.StaffUsers{
			Realm: "default", Realms: []string{"default", "shop"}, Search: "al", Status: "any", Sort: "name", Statuses: choices, Sorts: choices,
			Columns: []templates.Column{{Label: templates.Say("desk.customer"), Href: "/?sort=-name", Sorted: "ascending"}, {Label: templates.Say("desk.used"), Sorted: "descending"}},
			Users:   []templates.StaffAccount{alice, bob, off}, First: "/", Back: "/?after=a", Next: "/?after=b", Export: "/users.csv",
		},
		"no users":      templates.StaffUsers{Statuses: choices, Sorts: choices},
		"none found":    templates.StaffUsers{Narrowed: true},
		"none here":     templates.StaffUsers{Next: "/?after=b"},
		"users problem": templates.StaffUsers{Problem: templates.Say("desk.no_realms")},
		"user": templates.StaffUser{
			Account: alice, List: "/", RecoveryIssued: now, RecoveryExpires: now.Add(time.Hour), RecoveryStaff: "anna",
			Acts:     []templates.StaffLink{{Label: templates.Say("desk.reset"), Href: "/act?act=reset", Danger: true}, {Label: templates.Say("desk.unlock"), Href: "/act"}},
			Sessions: []templates.Session{{Browser: "Firefox", System: "Linux", Address: "192.0.2.1", Factor: "totp", Since: now, Seen: now}, {Factor: "recovery", Since: now, Seen: now}}, SessionCount: 70,
			History: []templates.StaffEvent{
				{At: now, What: templates.Say("history.challenge_passed"), Kind: "challenge_passed", Factor: templates.Say("common.totp"), Browser: "Firefox", Address: "192.0.2.1"},
				{At: now, What: templates.Say("history.staff_reset"), Staff: "anna", Reason: "ticket 1"}, {At: now, Kind: "something_new"}},
		},
		"user who may be looked at": templates.StaffUser{Account: off, Looks: true},
		"user without a factor":     templates.StaffUser{Account: bob},
		"act": templates.StaffAct{
			Act: "recovery", Title: templates.Say("desk.recovery_title"), Text: templates.Say("desk.recovery_text"), Submit: templates.Say("desk.recovery"), Ask: templates.Say("desk.recovery_ask"),
			Account: alice, Staff: "anna", Reason: "x", MinReason: 3, MaxReason: 500, Error: templates.Say("desk.reason_missing"), Back: "/user",
			Lives: []templates.Choice{{Value: "24", Label: templates.Say("desk.hours", "Count", 24)}}, Life: "24",
		},
		"act that is dangerous": templates.StaffAct{Act: "reset", Title: templates.Say("desk.reset_title"), Submit: templates.Say("desk.reset"), Danger: true, Account: bob},
		"code":                  templates.StaffCode{Account: alice, Code: "ABCD-EFGH-JKMN-PQRS", Expires: now, Back: "/user"},
		"code shown before":     templates.StaffCode{Account: alice, Back: "/user", Again: "/act"},
	}
}

func TestEveryPageOfStaffRendersInEveryLanguage(t *testing.T) {
	set := newSet(t, templates.Brand{})
	for _, lang := range []string{"en", templatestest.RTL} {
		for name, page := range staffPages() {
			frame := templates.Frame{Language: lang, Portal: "Support desk", Desk: &templates.Desk{Staff: "anna"}}
			out, err := set.Render(frame, page)
			if err != nil {
				t.Errorf("%s in %s: %v", name, lang, err)
			}
			for _, bad := range []string{"<no value>", "ZgotmplZ", "%!", "{{", "style=", "/help"} {
				if strings.Contains(string(out), bad) {
					t.Errorf("%s in %s contains %q", name, lang, bad)
				}
			}
			if strings.Count(string(out), "<h1") != 1 || !strings.Contains(string(out), "staff-") {
				t.Errorf("%s in %s: want one main heading and staff's style", name, lang)
			}
		}
	}
}

// Names come from the portal and reasons from other staff, so both are escaped.
func TestStaffsValuesAreEscaped(t *testing.T) {
	set := newSet(t, templates.Brand{})
	evil := `"><script>alert(1)</script>`
	account := templates.StaffAccount{Realm: evil, ID: evil, Name: evil + "x", Email: evil, Href: "/user?id=" + evil}
	for name, page := range map[string]templates.Page{
		"users": templates.StaffUsers{Realm: evil, Realms: []string{evil, "b"}, Search: evil, Users: []templates.StaffAccount{account}},
		"user": templates.StaffUser{Account: account, RecoveryExpires: now, RecoveryStaff: evil, History: []templates.StaffEvent{
			{At: now, Kind: evil, Staff: evil, Reason: evil, Address: evil}}, Sessions: []templates.Session{{Address: evil, Factor: evil}}},
		"act":  templates.StaffAct{Act: evil, Account: account, Staff: evil, Reason: evil},
		"code": templates.StaffCode{Account: account, Code: evil},
	} {
		out, err := set.Render(templates.Frame{Language: "en", Portal: "P", Desk: &templates.Desk{Staff: evil}}, page)
		if err != nil || strings.Contains(string(out), "<script>alert") {
			t.Errorf("%s: markup got through, or error %v", name, err)
		}
	}
}
