package inspect

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// choose makes the best candidate whoami, with a display name and an email address from
// the same page.
func (in *inspection) choose(ctx context.Context) error {
	best := in.candidates[0]
	w := best.whoami()
	for _, c := range in.all {
		x := c.extract
		switch {
		case c.place != best.place || c == best:
		case w.Email == nil && hasAny(c.key, []string{"email", "mail"}) && strings.Contains(c.value, "@"):
			w.Email = &x
		case w.Name == nil && c.value != best.value && isName(c.key) && (scoring{account: in.Customers[0]}).typed(c.value):
			w.Name = &x
		}
	}
	in.site.Whoami = []config.Whoami{w}
	in.id = best.value
	in.noteWhoami(best)
	if best.accept == "" {
		return nil
	}
	b, err := in.session(ctx)
	if err == nil && in.askedPlainly(ctx, b, best) {
		in.site.Whoami[0].Header = nil
	}
	return err
}

// askedPlainly reports whether a place answers JSON without an Accept header for it.
func (in *inspection) askedPlainly(ctx context.Context, b *browse.Browser, c *candidate) bool {
	w := c.whoami()
	w.Header = nil
	q, err := whoami.Compile(w)
	if err != nil {
		return false
	}
	user, stranger := in.portal.Put(ctx, b, q, nil), in.portal.Put(ctx, in.browser(), q, nil)
	return user.Kind == whoami.User && user.User == c.value && stranger.Kind == whoami.Anonymous
}

func (in *inspection) noteWhoami(best *candidate) {
	in.note("whoami.0", "%s", in.seenBy())
	if best.normalize != nil {
		in.note("whoami.0", "The page shows the name as it was typed, so case and blanks are evened out. A page with a number of the account would be better.")
	}
	if slices.ContainsFunc(best.signs, func(s config.Sign) bool { return slices.Contains(s.Status, http.StatusForbidden) }) {
		in.note("whoami.0", "Strangers are known by status 403 alone, which limiters and firewalls answer, too. A page whose text says that nobody is signed in would be better.")
	}
	if len(best.not) > 0 {
		in.note("whoami.0.user", "Strangers see %q here.", best.not[0])
	}
	if !numeric.MatchString(best.value) {
		in.note("whoami.0.user", "A user name: make sure that customers can't change theirs to somebody's who left.")
	}
	var others []string
	for _, c := range in.candidates[1:] {
		if c.place != best.place && len(others) < 3 && !slices.Contains(others, c.uri) {
			others = append(others, c.uri)
		}
	}
	if len(others) > 0 {
		in.note("whoami.0", "These name the user as well: %s.", strings.Join(others, ", "))
	}
}

// seenBy lists the sessions against which the choice was checked.
func (in *inspection) seenBy() string {
	text := "Names the same user in two sessions"
	for i, s := range in.spelled {
		sep := ", "
		if i == 0 {
			sep = " and however the name is written: "
		}
		text += sep + fmt.Sprintf("%q", s)
	}
	if in.ev.other != nil {
		text += "; another for the second customer"
	}
	return text + "."
}

// noUser is the error if no candidate was proven.
func (in *inspection) noUser(near []*candidate) error {
	seen := make([]string, 0, 6)
	for _, c := range near {
		if !slices.Contains(seen, c.uri) && len(seen) < cap(seen) {
			seen = append(seen, c.uri)
		}
	}
	what := "none of them shows the user name or an account number"
	if len(seen) > 0 {
		what = "those that came near (" + strings.Join(seen, ", ") + ") change it with the spelling, show it to strangers or can be edited"
	}
	if in.ev.other == nil {
		what += ", and with one customer only a number can't be told from one that is everybody's: give a second"
	}
	return fmt.Errorf("%w: %d pages were looked at and %s; name one with --page, for example the account's details (--page /account/details), or write whoami yourself", ErrNoUser, len(in.views), what)
}
