package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal"
)

// another is the check that whoami names another user for the second customer.
func (r *run) another() outcome {
	if r.second == nil {
		return skipped("give a second test customer")
	}
	c := r.second
	page, err := r.throughGate(c)
	if err != nil {
		return failed(err.Error(), "the first customer's sign-in passed; compare the two accounts at the portal")
	}
	if err := r.openHome(c, page); err != nil {
		return broken(err)
	}
	others := r.otherUsers()
	if len(others) != 1 {
		return failed(fmt.Sprintf("whoami names both customers %q", r.first.id),
			"one second factor would open both accounts: point `user` at what differs between customers")
	}
	c.id = others[0]
	return ok("whoami names %q", c.id)
}

// clearance is the check that one customer's clearance does not open another's pages. It
// enrols the second customer. It then tries to reach their pages with the clearance of the
// first: with the cookies of both, and by signing in within the cleared visit.
func (r *run) clearance() outcome {
	a, c := r.first, r.second
	switch {
	case c == nil:
		return skipped("give a second test customer")
	case c.id == "":
		return notReached()
	}
	if _, err := r.setUp(c.gate); err != nil {
		return failed("the second customer could not enrol: "+err.Error(), "see the log")
	}
	owing := r.browser()
	if page, err := r.enter(owing, c.Account); err != nil || !r.isOwn(page, "challenge") {
		return failed("the second customer, enrolled, was let in without a code while the first is signed in", "see the line “"+rowChallenge+"”")
	}
	mixed := a.gate.Clone()
	for _, k := range owing.Cookies() {
		if !portal.IsVisit(k.Name) {
			mixed.Put(k)
		}
	}
	inside := a.gate.Clone()
	signedIn := r.signInInside(inside, c)
	own := slices.DeleteFunc(slices.Clone(c.marks), func(m string) bool { return slices.Contains(a.marks, m) })
	for _, v := range []struct {
		way string
		b   *browse.Browser
	}{{"with the cookies of both", mixed}, {"by signing in inside the first one's visit", inside}} {
		for _, address := range r.memberPages(c) {
			p, err := r.look(v.b, address)
			if err != nil {
				return broken(err)
			}
			if mark := r.leaks(p, own); mark != "" {
				return failed(fmt.Sprintf("%s, %s of the second customer came without a code (%s)", v.way, p.URL.Path, aboutMark(mark)),
					"whoami does not show the change of user there: use a page that does, and remove `rotates`")
			}
		}
	}
	if !signedIn {
		return ok("both customers' cookies together open nothing; the portal has no sign-in for customers who are signed in already")
	}
	return ok("neither both customers' cookies nor a sign-in inside the other's visit opens anything")
}

// signInInside signs a customer in within the visit of b, and reports whether the gateway
// asked for the code. It returns false if the portal shows no form to a signed-in user.
func (r *run) signInInside(b *browse.Browser, c *customer) bool {
	e, err := b.Find(r.ctx, c.entry.Login.URL.String())
	return err == nil && b.Enter(r.ctx, e, c.Account) == nil && r.isOwn(e.Page, "challenge")
}

// aliases is the check that other spellings of the first customer's name are the same user.
// Otherwise a spelling would be a user without a second factor, whom the password opens.
func (r *run) aliases() outcome {
	c := r.first
	var taken, not []string
	for _, spelling := range r.spellings() {
		switch ok, same := r.spelling(spelling); {
		case ok && !same:
			others := r.otherUsers()
			return failed(fmt.Sprintf("%q signs in, and whoami names %s instead of %q: another user, who has no second factor", spelling, quoted(others), c.id), normal(c.id, others))
		case ok:
			taken = append(taken, spelling)
		default:
			not = append(not, spelling)
		}
	}
	saw := "the portal takes no other spelling"
	if len(taken) > 0 {
		saw = "the same user: " + quoted(taken)
	}
	if len(not) > 0 {
		saw += "; not taken by the portal: " + quoted(not)
	}
	return ok("%s", saw)
}

// spellings returns other forms of the first customer's name that portals may accept.
func (r *run) spellings() (all []string) {
	c := r.first
	list := []string{strings.ToUpper(c.User), strings.ToLower(c.User), " " + c.User + " "}
	if strings.Contains(c.email, "@") {
		list = append(list, c.email, strings.ToUpper(c.email))
	}
	for _, s := range list {
		if s != c.User && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// spelling signs in through the gateway with another spelling of the first customer's name.
// taken reports whether the portal accepts it, same that whoami names no new user then.
func (r *run) spelling(user string) (taken, same bool) {
	b := r.browser()
	before, err := r.stage.Users(r.ctx)
	if err != nil {
		return false, false
	}
	page, err := r.enter(b, browse.Account{User: user, Password: r.first.Password})
	if err != nil {
		return false, false
	}
	defer func() { _, _ = r.signOutBy(b, r.first.home) }()
	if !r.below(page.URL.Path) {
		if page, err = b.Get(r.ctx, r.first.home); err != nil {
			return false, false
		}
	}
	after, err := r.stage.Users(r.ctx)
	shown := r.below(page.URL.Path) || r.first.marks.on(page) != ""
	return shown || len(after) > len(before), err == nil && len(after) == len(before)
}

// otherUsers are the ids that whoami has named besides the first customer's.
func (r *run) otherUsers() []string {
	users, err := r.stage.Users(r.ctx)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(users, func(id string) bool { return id == r.first.id })
}

// normal returns the advice for a whoami that names several ids for one customer.
func normal(id string, others []string) string {
	const typed = "whoami repeats what was typed: point `user` at the customer number"
	if slices.ContainsFunc(others, func(o string) bool { return strings.EqualFold(strings.TrimSpace(o), strings.TrimSpace(id)) }) {
		return typed + ", or, if the portal takes them for one, add the lines `trim` and `lower` to whoami"
	}
	return typed + " or another id that the portal itself gave"
}

// quoted lists strings in quotes, each once.
func quoted(all []string) string {
	var out []string
	for _, s := range all {
		if q := fmt.Sprintf("%q", s); !slices.Contains(out, q) {
			out = append(out, q)
		}
	}
	return strings.Join(out, ", ")
}
