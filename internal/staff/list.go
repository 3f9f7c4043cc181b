package staff

import (
	"context"

	"github.com/secondgate/secondgate/internal/store"
)

// Status restricts a listing.
type Status string

// The statuses. An empty one is StatusAny.
const (
	StatusAny          Status = "any"
	StatusActivated    Status = "activated"
	StatusNotActivated Status = "not-activated"
	// StatusLocked are those whom wrong codes hold up now.
	StatusLocked Status = "locked"
)

// Sort is what a listing is ordered by.
type Sort string

// The orders. An empty one is SortName. Users without a time come last in either
// direction, by name.
const (
	SortName    Sort = "name"
	SortID      Sort = "id"
	SortEnabled Sort = "enabled"
	SortUsed    Sort = "last-used"
)

// Bounds of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 1000
)

// Query asks for a page of users.
type Query struct {
	// Realm is the realm; empty is the only one.
	Realm  string
	Status Status
	// Search restricts to users whose name, id or e-mail address begins with it, ignoring
	// case: first those found by what the listing is sorted by.
	Search string
	// Sort and Descending are the order. A search sorts by name or id only.
	Sort       Sort
	Descending bool
	// After is Next of the page before, empty for the first.
	After string
	// Limit is the page's size, 1 to MaxLimit; 0 is DefaultLimit.
	Limit int
}

// Page is a part of a listing. Next is empty on the last page; a page may be shorter than
// asked for, and even empty, and not be the last.
type Page struct {
	Realm string    `json:"realm"`
	Users []Account `json:"users"`
	Next  string    `json:"next,omitempty"`
}

// List returns a page of a realm's users.
func (d *Desk) List(ctx context.Context, q Query) (Page, error) {
	realm, err := d.Realm(q.Realm)
	if err != nil {
		return Page{}, err
	}
	sq, err := q.query(realm)
	if err != nil {
		return Page{}, err
	}
	page := Page{Realm: realm, Users: []Account{}}
	found, err := d.Store.Users(ctx, sq)
	if err != nil {
		return Page{}, err
	}
	for _, u := range found.Users {
		if a := d.account(&u); q.Status != StatusLocked || a.Locked() {
			page.Users = append(page.Users, a)
		}
	}
	page.Next = found.Next
	return page, nil
}

func (q Query) query(realm string) (store.UserQuery, error) {
	sq := store.UserQuery{Realm: realm, Prefix: q.Search, After: q.After, Limit: q.Limit}
	switch q.Status {
	case "", StatusAny:
	case StatusActivated:
		sq.Status = store.Activated
	case StatusNotActivated:
		sq.Status = store.NotActivated
	default:
		return sq, refuse(ErrInput, "there is no status %q; want any, activated, not-activated or locked", q.Status)
	}
	switch {
	case q.Limit == 0:
		sq.Limit = DefaultLimit
	case q.Limit < 1 || q.Limit > MaxLimit:
		return sq, refuse(ErrInput, "a page of %d users; want 1 to %d", q.Limit, MaxLimit)
	}
	return sq, nil
}
