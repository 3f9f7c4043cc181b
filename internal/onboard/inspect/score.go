package inspect

import (
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/onboard/browse"
)

// least is the score from which a candidate is looked at: an id that says so, or the
// user name that was typed where it can't be changed.
const least = 45

// scoring is what candidates are measured by.
type scoring struct {
	account browse.Account
	// saved are the values that people can change in forms of the portal.
	saved map[string]bool
	// knowing are pages that show the user name or the e-mail address.
	knowing map[place]bool
}

// rank scores all candidates and keeps those from least on, best first.
func rank(all []*candidate, s scoring) []*candidate {
	s.knowing = make(map[place]bool)
	for _, c := range all {
		if s.typed(c.value) {
			s.knowing[c.place] = true
		}
	}
	for _, c := range all {
		c.score = s.of(c)
	}
	best := slices.DeleteFunc(slices.Clone(all), func(c *candidate) bool { return c.score < least })
	slices.SortStableFunc(best, func(a, b *candidate) int { return b.score - a.score })
	return best
}

// typed reports whether a value is what the customer signed in with, in the portal's
// own spelling: as it was typed or what stands before the @.
func (s scoring) typed(value string) bool {
	name := strings.TrimSpace(s.account.User)
	local, _, _ := strings.Cut(name, "@")
	return strings.EqualFold(value, name) || strings.EqualFold(value, local)
}

// of is a candidate's score. An id that is a person's counts most, then a user name;
// what can be edited, or has the same value as something that can, is a display name
// until the contrary is shown.
func (s scoring) of(c *candidate) int {
	if hasAny(c.key, fleeting) || c.editable {
		return 0
	}
	identifier, alone := isIdentifier(c.key)
	if alone && !s.knowing[c.place] && !hasAny(c.pageWords(), personal) {
		identifier = false
	}
	name, login := isName(c.key), s.typed(c.value)
	if strange(c.path) {
		identifier = false // the id of somebody else's: of the agent of a ticket
	}
	// A short number is rather how many messages somebody has.
	owned := !identifier && !c.class && !strange(c.path) && len(c.value) > 3 && numeric.MatchString(c.value) && hasAny(c.key, ownerWords)
	points := 0
	add := func(when bool, n int) {
		if when {
			points += n
		}
	}
	add(identifier, 40)
	add(name && !identifier, 25)
	add(owned, 55) // <b id="me">17</b>: only the second customer can prove it
	add(login, 35)
	add(identifier && numeric.MatchString(c.value), 30)
	add(c.json || c.hidden, 10)
	add(c.readonly, 15)
	add(c.text, -5)
	add(c.class, -5)
	add(hasAny(c.pageWords(), personal), 10)
	add(hasAny(c.key, display), -40)
	add(strings.ContainsAny(c.value, " \t"), -25)
	add(strings.Contains(c.value, "@"), -15)
	add(s.saved[c.value] && !c.readonly && !(c.json && name) && !identifier && !owned, -45)
	return points
}

// strange reports whether a path in JSON leads through something that is not the user:
// ticket.agent.user.id.
func strange(path []string) bool {
	return slices.ContainsFunc(path, func(w string) bool {
		return !slices.Contains(persons, w) && !slices.Contains(identifiers, w) && !slices.Contains(names, w) && !slices.Contains(containers, w)
	})
}
