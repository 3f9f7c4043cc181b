package staffpages

import (
	"net/url"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/staff"
	"github.com/secondgate/secondgate/templates"
)

const (
	// pageSize is how many users a page shows.
	pageSize = 50
	// maxTrail is the number of earlier pages that the address keeps for "back".
	maxTrail = 20
	// maxSearch bounds the search text, in bytes.
	maxSearch = 800
)

// listing is the query of an address of the list:
//
//	?realm=NAME&q=TEXT&status=any|activated|not-activated|locked&sort=[-]ORDER&after=CURSOR&back=CURSOR…&deep=1
//
// after is the cursor at which the page begins, empty for the first page. Each back (trail)
// is the cursor of an earlier page except the first. deep says that the trail was cut at
// maxTrail, so that its first element is not the second page.
type listing struct {
	realm, search, status, sort, after string
	trail                              []string
	deep                               bool
}

func readListing(realm string, q url.Values) listing {
	l := listing{
		realm: realm, search: strings.TrimSpace(q.Get("q")), status: q.Get("status"), sort: q.Get("sort"),
		after: q.Get("after"), trail: q["back"], deep: q.Has("deep"),
	}
	if l.sort == "" || l.search != "" && !l.sortsBy("name") && !l.sortsBy("id") {
		l.sort = string(staff.SortName) // a search is ordered by what it finds
	}
	if l.status == "" {
		l.status = string(staff.StatusAny)
	}
	return l
}

func (l listing) sortsBy(order string) bool { return strings.TrimPrefix(l.sort, "-") == order }

// query returns the query for the desk. It returns false if the status or order is unknown,
// or the text or trail is too long.
func (l listing) query(limit int) (staff.Query, bool) {
	order, descending := strings.CutPrefix(l.sort, "-")
	return staff.Query{
		Realm: l.realm, Status: staff.Status(l.status), Search: l.search,
		Sort: staff.Sort(order), Descending: descending, After: l.after, Limit: limit,
	}, l.known() && len(l.search) <= maxSearch && len(l.trail) <= maxTrail
}

// known reports whether the status and the order are among the choices.
func (l listing) known() bool {
	return slices.ContainsFunc(statuses, func(c templates.Choice) bool { return c.Value == l.status }) &&
		slices.ContainsFunc(l.sorts(), func(c templates.Choice) bool { return c.Value == l.sort })
}

// href returns the address of this listing at path, without parameters that are the default.
func (l listing) href(path string) string {
	pairs := []string{"realm", l.realm, "q", l.search}
	if l.status != string(staff.StatusAny) {
		pairs = append(pairs, "status", l.status)
	}
	if l.sort != string(staff.SortName) {
		pairs = append(pairs, "sort", l.sort)
	}
	pairs = append(pairs, "after", l.after)
	for _, cursor := range l.trail {
		pairs = append(pairs, "back", cursor)
	}
	if l.deep {
		pairs = append(pairs, "deep", "1")
	}
	return address(path, pairs...)
}

// first returns the listing's first page.
func (l listing) first() listing {
	l.after, l.trail, l.deep = "", nil, false
	return l
}

// next returns the following page, which begins at cursor.
func (l listing) next(cursor string) listing {
	trail := slices.Clone(l.trail)
	if l.after != "" {
		trail = append(trail, l.after)
	}
	if len(trail) > maxTrail {
		trail, l.deep = trail[1:], true
	}
	l.after, l.trail = cursor, trail
	return l
}

// back returns the previous page. It returns false if this is the first page, or if the
// trail was cut and does not have it.
func (l listing) back() (listing, bool) {
	switch n := len(l.trail); {
	case n > 0:
		l.after, l.trail = l.trail[n-1], l.trail[:n-1]
		return l, true
	case l.after != "" && !l.deep:
		return l.first(), true
	}
	return l, false
}

// sorted returns the first page ordered by order. If that is the present order, ascending,
// it becomes descending.
func (l listing) sorted(order staff.Sort) listing {
	l = l.first()
	if l.sort == string(order) {
		l.sort = "-" + string(order)
		return l
	}
	l.sort = string(order)
	return l
}

// direction returns how a column is sorted, as a value of aria-sort, or "".
func (l listing) direction(order staff.Sort) string {
	switch l.sort {
	case string(order):
		return "ascending"
	case "-" + string(order):
		return "descending"
	}
	return ""
}

var statuses = []templates.Choice{
	{Value: string(staff.StatusAny), Label: templates.Say("desk.any")},
	{Value: string(staff.StatusActivated), Label: templates.Say("desk.activated")},
	{Value: string(staff.StatusNotActivated), Label: templates.Say("desk.not_activated")},
	{Value: string(staff.StatusLocked), Label: templates.Say("desk.locked")},
}

// orders are the columns by which a list can be sorted. A search can be sorted by the first
// two only.
var orders = []struct {
	sort  staff.Sort
	label templates.Text
}{
	{staff.SortName, templates.Say("desk.name_column")}, {staff.SortID, templates.Say("desk.customer_id")},
	{staff.SortEnabled, templates.Say("desk.enabled")}, {staff.SortUsed, templates.Say("desk.used")},
}

func (l listing) sorts() (choices []templates.Choice) {
	for i, o := range orders {
		if l.search != "" && i > 1 {
			break
		}
		choices = append(choices,
			templates.Choice{Value: string(o.sort), Label: templates.Say("desk.up", "Column", o.label)},
			templates.Choice{Value: "-" + string(o.sort), Label: templates.Say("desk.down", "Column", o.label)})
	}
	return choices
}

func (l listing) columns() []templates.Column {
	byTime := func(label string, order staff.Sort) templates.Column {
		column := templates.Column{Label: templates.Say(label)}
		if l.search == "" {
			column.Href, column.Sorted = l.sorted(order).href("/"), l.direction(order)
		}
		return column
	}
	who := staff.SortName
	if l.sortsBy(string(staff.SortID)) {
		who = staff.SortID
	}
	return []templates.Column{
		{Label: templates.Say("desk.customer"), Href: l.sorted(who).href("/"), Sorted: l.direction(who)},
		{Label: templates.Say("desk.status")}, {Label: templates.Say("desk.factors")},
		byTime("desk.enabled", staff.SortEnabled), byTime("desk.used", staff.SortUsed),
		{Label: templates.Say("desk.backup_left")}, {Label: templates.Say("desk.locked_until")},
	}
}
