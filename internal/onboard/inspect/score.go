package inspect

import (
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/onboard/browse"
)

// least is the score from which a candidate is checked. The name of an id reaches it, or the
// user name that was typed in a place where it can't be changed.
const least = 45

// scoring holds what the scores of candidates depend on.
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

// typed reports whether a value is the name that the customer signed in with, or its part
// before the @, in any case.
func (s scoring) typed(value string) bool {
	name := strings.TrimSpace(s.account.User)
	local, _, _ := strings.Cut(name, "@")
	return strings.EqualFold(value, name) || strings.EqualFold(value, local)
}

// of is a candidate's score. A person's id counts most, then a user name. A value that can
// be edited, here or elsewhere, counts as a display name.
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
		identifier = false // another person's id: that of a ticket's agent
	}
	// A short number is more likely a count, for example of messages.
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

// strange reports whether a path in JSON has a key that is not about the user, as in
// ticket.agent.user.id.
func strange(path []string) bool {
	return slices.ContainsFunc(path, func(w string) bool {
		return !slices.Contains(persons, w) && !slices.Contains(identifiers, w) && !slices.Contains(names, w) && !slices.Contains(containers, w)
	})
}
