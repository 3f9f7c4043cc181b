package check

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal"
)

// aliases signs in by other spellings of the first customer's name: whatever the
// portal takes has to be the same user, who has a second factor.
func (r *run) aliases() bool {
	c := r.first
	var taken, not []string
	for _, spelling := range r.spellings() {
		ok, same := r.spelling(spelling)
		switch {
		case ok && !same:
			users, err := r.stage.Users(r.ctx)
			if err != nil {
				users = nil
			}
			others := slices.DeleteFunc(users, func(id string) bool { return id == c.id })
			r.report.fail(rowAliases, fmt.Sprintf("%q signs in, and whoami names %s instead of %q: another user, who has no second factor", spelling, strings.Join(quoted(others), ", "), c.id), normal(c.id, others))
			return true
		case ok:
			taken = append(taken, spelling)
		default:
			not = append(not, spelling)
		}
	}
	saw := "the portal takes no other spelling"
	if len(taken) > 0 {
		saw = "the same user: " + strings.Join(quoted(taken), ", ")
	}
	if len(not) > 0 {
		saw += "; not taken by the portal: " + strings.Join(quoted(not), ", ")
	}
	r.report.ok(rowAliases, "%s", saw)
	return true
}

// spellings of the name that portals are known to take.
func (r *run) spellings() (all []string) {
	c := r.first
	add := func(s string) {
		if s != "" && s != c.User && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	add(strings.ToUpper(c.User))
	add(strings.ToLower(c.User))
	add(" " + c.User + " ")
	if strings.Contains(c.email, "@") {
		add(c.email)
		add(strings.ToUpper(c.email))
	}
	return all
}

// normal says how two ids that are one person's could become one.
func normal(id string, others []string) string {
	for _, o := range others {
		if strings.EqualFold(strings.TrimFunc(o, unicode.IsSpace), strings.TrimFunc(id, unicode.IsSpace)) {
			return "whoami repeats what was typed: point `user` at the customer number, or, if the portal takes them for one, add the lines `trim` and `lower` to whoami"
		}
	}
	return "whoami repeats what was typed: point `user` at the customer number or another id that the portal itself gave"
}

// another signs the second customer in.
func (r *run) another() bool {
	if r.second == nil {
		for _, row := range []string{rowSecond, rowClearance} {
			r.report.skip(row, "give a second test customer")
		}
		return true
	}
	c := r.second
	b, page, ok := r.second.enterAs(r)
	if !ok {
		return true
	}
	c.gate = b
	if !r.own(page, "setup") {
		if _, err := b.Get(r.ctx, c.home); err != nil {
			r.report.fail(rowSecond, err.Error(), "see the log")
			return true
		}
	}
	users, err := r.stage.Users(r.ctx)
	others := slices.DeleteFunc(users, func(id string) bool { return id == r.first.id })
	if err != nil || len(others) != 1 {
		r.report.fail(rowSecond, fmt.Sprintf("whoami names both customers %q", r.first.id),
			"one second factor would open both accounts: point `user` at what differs between customers")
		return true
	}
	c.id = others[0]
	r.report.ok(rowSecond, "whoami names %q", c.id)
	r.clearance()
	return true
}

func (c *customer) enterAs(r *run) (*browse.Browser, *browse.Page, bool) {
	b := r.browser()
	page, err := r.enter(b, c.Account)
	if err != nil {
		r.report.fail(rowSecond, err.Error(), "the first customer's sign-in passed; compare the two accounts at the portal")
		return nil, nil, false
	}
	return b, page, true
}

// clearance tries to get at the second customer, who has a factor of their own by
// then, with the clearance of the first: with both sets of cookies, and by signing in
// inside the cleared visit.
func (r *run) clearance() {
	a, c := r.first, r.second
	if _, err := r.setUp(c.gate); err != nil {
		r.report.fail(rowClearance, "the second customer could not enrol: "+err.Error(), "see the log")
		return
	}
	owing := r.browser()
	if page, err := r.enter(owing, c.Account); err != nil || !r.own(page, "challenge") {
		r.report.fail(rowClearance, "the second customer, enrolled, was let in without a code while the first is signed in", "see the line “"+rowChallenge+"”")
		return
	}
	mixed := a.gate.Clone()
	for _, k := range owing.Cookies() {
		if !portal.IsVisit(k.Name) {
			mixed.Put(k)
		}
	}
	inside := a.gate.Clone()
	signedIn := r.signInInside(inside, c)
	for way, b := range map[string]*browse.Browser{"with the cookies of both": mixed, "by signing in inside the first one's visit": inside} {
		for _, address := range r.memberPages(c) {
			p, err := r.look(b, address)
			if err != nil {
				r.report.fail(rowClearance, err.Error(), "see the log")
				return
			}
			if mark, found := c.alone(a).in(p); found && !r.ours(p) {
				r.report.fail(rowClearance, fmt.Sprintf("%s, %s of the second customer came without a code (%s)", way, p.URL.Path, aboutMark(mark, found)),
					"whoami does not see the change of user there: ask a page that does, and do not say `rotates`")
				return
			}
		}
	}
	if !signedIn {
		r.report.ok(rowClearance, "both customers' cookies together open nothing; the portal has no sign-in for who is signed in already")
		return
	}
	r.report.ok(rowClearance, "neither both customers' cookies nor a sign-in inside the other's visit opens anything")
}

// signInInside signs the second customer in where the first one is, and says whether
// the gate saw that happen.
func (r *run) signInInside(b *browse.Browser, c *customer) bool {
	e, err := b.Find(r.ctx, c.entry.Login.URL.String())
	if err != nil {
		return false
	}
	return b.Enter(r.ctx, e, c.Account) == nil && r.own(e.Page, "challenge")
}

// alone are the marks that only this customer's pages have.
func (c *customer) alone(other *customer) tell {
	var t tell
	for _, m := range c.tell.marks {
		if !slices.Contains(other.tell.marks, m) {
			t.marks = append(t.marks, m)
		}
	}
	return t
}
