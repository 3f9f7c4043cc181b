package staffpages

import (
	"net/http"
	"slices"

	"github.com/secondgate/secondgate/internal/staff"
	"github.com/secondgate/secondgate/templates"
)

// showUsers shows a page of the list of a realm's users.
func (c *call) showUsers() {
	realms := c.realms()
	if len(realms) == 0 {
		c.show(http.StatusOK, templates.StaffUsers{Statuses: statuses, Sorts: listing{}.sorts(), Problem: templates.Say("desk.no_realms")})
		return
	}
	query := c.r.URL.Query()
	realm, ok := c.realm(query.Get("realm"))
	if !ok {
		return
	}
	l := readListing(realm, query)
	q, ok := l.query(pageSize)
	if !ok {
		c.deny(badQuery)
		return
	}
	found, err := c.Desk().List(c.r.Context(), q)
	if err != nil {
		c.fail(err, badQuery)
		return
	}
	page := l.page(found)
	page.Realms = realms
	c.show(http.StatusOK, page)
}

// page returns the template's data for a page of the list.
func (l listing) page(found staff.Page) templates.StaffUsers {
	page := templates.StaffUsers{
		Realm: l.realm, Search: l.search, Status: l.status, Sort: l.sort,
		Statuses: statuses, Sorts: l.sorts(), Columns: l.columns(),
		Export:   l.first().href("/users.csv"),
		Narrowed: l.search != "" || l.status != string(staff.StatusAny),
	}
	for _, a := range found.Users {
		page.Users = append(page.Users, account(a))
	}
	if l.after != "" {
		page.First = l.first().href("/")
	}
	if back, ok := l.back(); ok {
		page.Back = back.href("/")
	}
	if page.Back == page.First {
		page.First = ""
	}
	if found.Next != "" {
		page.Next = l.next(found.Next).href("/")
	}
	return page
}

func account(a staff.Account) templates.StaffAccount {
	return templates.StaffAccount{
		Realm: a.Realm, ID: a.ID, Name: a.Name, Email: a.Email, Href: address("/user", "realm", a.Realm, "id", a.ID),
		Activated: a.Activated, TOTP: slices.Contains(a.Factors, "totp"), Backup: slices.Contains(a.Factors, "backup"),
		FirstSeen: a.FirstSeen, EnabledAt: a.EnabledAt, UsedAt: a.UsedAt, LockedUntil: a.LockedUntil,
		Off: a.Off, BackupLeft: a.BackupLeft, BackupTotal: a.BackupTotal,
	}
}
