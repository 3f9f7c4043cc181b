package check

import (
	"errors"
	"fmt"
	"slices"

	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/onboard/direct"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// reference signs the customers in at the portal itself, without the gate: what goes
// wrong there is not the gate's fault, and what is seen there is what it has to keep.
func (r *run) reference() error {
	stranger := browse.New(browse.Options{Transport: r.stage.Portal()})
	// What the web server says on its own pages of errors, a customer's page may show as well.
	for _, address := range []string{r.start(), r.at("/"), r.at("/no-such-page")} {
		if p, err := stranger.Get(r.ctx, address); err == nil {
			r.strange = append(r.strange, p)
		}
	}
	var err error
	if r.first, err = r.known(r.plan.First); err != nil {
		return err
	}
	if r.plan.Second.User != "" {
		if r.second, err = r.known(r.plan.Second); err != nil {
			return err
		}
	}
	return r.tellApart(stranger)
}

func (r *run) known(a browse.Account) (*customer, error) {
	c := &customer{Account: a, direct: browse.New(browse.Options{Transport: r.stage.Portal()})}
	entry, err := c.direct.SignIn(r.ctx, r.start(), a)
	if err != nil {
		hint := r.behind()
		if errors.Is(err, browse.ErrNoForm) || errors.Is(err, browse.ErrNotHTML) {
			hint += " (the way began at " + r.start() + ", from sign_in in the Caddyfile: name the form's page there with `sign_in { page … }`)"
		}
		return nil, fmt.Errorf("signing in as %s at the portal itself, without the gate: %w%s", a.User, err, hint)
	}
	if r.committed.Kind == whoami.Unknown { // the first customer's sign-in tells
		r.late, r.committed = r.portal.Commit(r.ctx, c.direct)
	} else {
		direct.Sleep(r.ctx, r.late)
	}
	c.entry, c.home = entry, entry.Page.URL.String()
	return c, nil
}

// behind says what the server could not do, where a portal is not there at all.
func (r *run) behind() string {
	log, err := r.stage.Log()
	if err != nil {
		return ""
	}
	for _, e := range slices.Backward(log) {
		if e.Logger == ErrorLogger && e.Message != "" {
			return fmt.Sprintf(" (what your reverse_proxy says: %s)", e.Message)
		}
	}
	return ""
}

// tellApart learns by what a page of each customer is recognised.
func (r *run) tellApart(stranger *browse.Browser) error {
	pages := map[*customer][][2]*browse.Page{}
	others := r.strange
	for _, c := range r.customers() {
		for _, address := range r.memberPages(c) {
			first, err := c.direct.Get(r.ctx, address)
			if err != nil {
				return fmt.Errorf("opening %s at the portal as %s: %w", address, c.User, err)
			}
			again, err := c.direct.Get(r.ctx, address)
			if err != nil {
				return fmt.Errorf("opening %s at the portal as %s: %w", address, c.User, err)
			}
			pages[c] = append(pages[c], [2]*browse.Page{first, again})
			if p, err := stranger.Get(r.ctx, address); err == nil {
				others = append(others, p)
			}
		}
	}
	r.strange = others
	for _, c := range r.customers() {
		c.tell = newTell(pages[c], others, c.User, c.Password)
		if len(c.tell.marks) == 0 {
			return fmt.Errorf("after signing in as %s at the portal itself, without the gate, the pages are those of a stranger: "+
				"check user name and password in a browser, and that %s is the sign-in of this portal", c.User, c.entry.Login.URL.Path)
		}
	}
	return nil
}

// memberPages are those that show that somebody is signed in: where the sign-in led,
// and whoami's own.
func (r *run) memberPages(c *customer) []string {
	pages := []string{c.home}
	for _, q := range r.questions {
		pages = append(pages, r.at(q.URI()))
	}
	return pages
}

func (r *run) customers() []*customer {
	if r.second == nil {
		return []*customer{r.first}
	}
	return []*customer{r.first, r.second}
}
