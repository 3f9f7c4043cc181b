package staff

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// Status restricts a listing.
type Status string

// The statuses. An empty one is StatusAny.
const (
	StatusAny          Status = "any"
	StatusActivated    Status = "activated"
	StatusNotActivated Status = "not-activated"
	// StatusLocked selects users with earlier wrong codes, for which codes are refused now.
	StatusLocked Status = "locked"
)

// Sort is what a listing is ordered by.
type Sort string

// The orders. An empty one is SortName. Users without a second factor have no times and
// come last in either direction, by name.
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
	// Realm is the realm; empty stands for the only one.
	Realm  string
	Status Status
	// Search selects users with a name, id or email address that begins with it, ignoring
	// case. Matches of the field that the list is sorted by come first (name or id), then
	// those of the other, then those of the email address only.
	Search string
	// Sort and Descending are the order.
	Sort       Sort
	Descending bool
	// After is Next of the previous page, empty for the first.
	After string
	// Limit is the page's size, 1 to MaxLimit; 0 is DefaultLimit.
	Limit int
}

// Page is a part of a listing. Next is the cursor for the next page; it is empty on the last
// page only. A page may have fewer users than Limit although another follows.
type Page struct {
	Realm string    `json:"realm"`
	Users []Account `json:"users"`
	Next  string    `json:"next,omitempty"`
}

// List returns a page of a realm's users. Its cost does not depend on the number of users in
// the realm.
func (d *Desk) List(ctx context.Context, q Query) (Page, error) {
	realm, err := d.Realm(q.Realm)
	if err != nil {
		return Page{}, err
	}
	q.Realm = realm
	sq, err := q.query()
	if err != nil {
		return Page{}, err
	}
	page := Page{Realm: realm, Users: []Account{}}
	if q.Search != "" && (sq.Sort == store.ByEnabled || sq.Sort == store.ByUsed) {
		return page, d.found(ctx, q, sq, &page)
	}
	return page, d.fill(ctx, q.Status, sq, &page)
}

// maxFills bounds how many pages of the store fill reads for one page of the listing. It
// reads more than one for StatusLocked: the store's index also has users with a wait that
// has ended, whom fill leaves out.
const maxFills = 20

// fill reads users until the page is full.
func (d *Desk) fill(ctx context.Context, status Status, sq store.UserQuery, page *Page) error {
	limit := sq.Limit
	for range maxFills {
		sq.Limit = limit - len(page.Users)
		found, err := d.Store.Users(ctx, sq)
		if err != nil {
			return listError(err)
		}
		for _, u := range found.Users {
			if a := d.account(&u); status != StatusLocked || a.Locked() {
				page.Users = append(page.Users, a)
			}
		}
		page.Next = found.Next
		if sq.After = found.Next; found.Next == "" || len(page.Users) == limit {
			return nil
		}
	}
	return nil
}

// maxFound is the number of users that a search sorted by a time may find. The store has no
// index for that, so all of them are read.
const maxFound = 1000

// found fills page for a search that is sorted by a time: it reads all matches, sorts them
// and takes the page that begins at the number in q.After.
func (d *Desk) found(ctx context.Context, q Query, sq store.UserQuery, page *Page) error {
	from := 0
	if q.After != "" {
		n, err := strconv.Atoi(q.After)
		if err != nil || n < 0 {
			return listError(errCursor)
		}
		from = n
	}
	all, limit, by := Page{}, sq.Limit, sq.Sort
	sq.Sort, sq.Descending, sq.After, sq.Limit = store.ByName, false, "", maxFound
	if err := d.fill(ctx, q.Status, sq, &all); err != nil {
		return err
	}
	if all.Next != "" {
		return refuse(ErrInput, "more than %d users begin with %q, too many to sort by time; sort by name or id, or search for more letters", maxFound, q.Search)
	}
	slices.SortStableFunc(all.Users, func(a, b Account) int { return compare(a, b, by, q.Descending) })
	from = min(from, len(all.Users))
	to := min(from+limit, len(all.Users))
	if page.Users = all.Users[from:to]; to < len(all.Users) {
		page.Next = strconv.Itoa(to)
	}
	return nil
}

// compare orders two users by a time. Users without a factor come last in both directions.
func compare(a, b Account, by store.Sort, descending bool) int {
	at := func(a Account) time.Time {
		if by == store.ByEnabled {
			return a.EnabledAt
		}
		return a.UsedAt
	}
	switch {
	case a.Activated && b.Activated && descending:
		return at(b).Compare(at(a))
	case a.Activated && b.Activated:
		return at(a).Compare(at(b))
	case a.Activated:
		return -1
	case b.Activated:
		return 1
	}
	return 0
}

var errCursor = errors.New("the cursor is not one of a previous page")

func listError(err error) error {
	switch {
	case errors.Is(err, store.ErrNotReady):
		return refuse(ErrLater, "the index for this listing is being built after an upgrade; list by name meanwhile, or ask again in a minute")
	case errors.Is(err, store.ErrCursor), errors.Is(err, errCursor):
		return refuse(ErrInput, "the cursor does not belong to this listing; begin again without it")
	}
	return fmt.Errorf("listing users: %w", err)
}

var statuses = map[Status]store.Status{
	"": store.AnyStatus, StatusAny: store.AnyStatus,
	StatusActivated: store.Activated, StatusNotActivated: store.NotActivated, StatusLocked: store.Throttled,
}

var sorts = map[Sort]store.Sort{
	"": store.ByName, SortName: store.ByName, SortID: store.ByID, SortEnabled: store.ByEnabled, SortUsed: store.ByUsed,
}

func (q Query) query() (store.UserQuery, error) {
	sq := store.UserQuery{Realm: q.Realm, Prefix: q.Search, Descending: q.Descending, After: q.After, Limit: q.Limit}
	var known bool
	if sq.Status, known = statuses[q.Status]; !known {
		return sq, refuse(ErrInput, "there is no status %q; want any, activated, not-activated or locked", q.Status)
	}
	if sq.Sort, known = sorts[q.Sort]; !known {
		return sq, refuse(ErrInput, "users can't be sorted by %q; want name, id, enabled or last-used", q.Sort)
	}
	if q.Limit == 0 {
		sq.Limit = DefaultLimit
	}
	if sq.Limit < 1 || sq.Limit > MaxLimit {
		return sq, refuse(ErrInput, "a page can't have %d users; want 1 to %d", q.Limit, MaxLimit)
	}
	return sq, nil
}
