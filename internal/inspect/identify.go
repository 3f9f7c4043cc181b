package inspect

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/browse"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// maxPlaces is how many places are compared between all sessions.
const maxPlaces = 8

// evidence is what the places answered to everybody.
type evidence struct {
	places    []place
	users     []snapshot // of the first customer's sessions
	other     snapshot   // of the second customer's, nil without one
	strangers []snapshot // of nobody's: without cookies, with an anonymous session, and that again
}

// identify finds the page that names the user and how it does.
func (in *inspection) identify(ctx context.Context) error {
	if in.recognise(ctx) {
		in.signInSettings()
		return nil
	}
	all, saved := in.collect()
	in.candidates = rank(all, scoring{account: in.Customers[0], saved: saved})
	ev := in.gather(ctx, in.candidates)
	good := in.proven(in.candidates, ev)
	if len(good) == 0 {
		return in.noUser()
	}
	in.choose(ctx, good, all)
	in.signInSettings()
	in.candidates = good
	return in.compile()
}

// collect takes the candidates of all pages, and the values that people can change.
func (in *inspection) collect() (all []*candidate, saved map[string]bool) {
	saved = make(map[string]bool)
	for _, v := range in.views {
		list, values := candidatesOf(v)
		all = append(all, list...)
		for _, value := range values {
			saved[value] = true
		}
	}
	return all, saved
}

// gather asks the best places in every session, and without one.
func (in *inspection) gather(ctx context.Context, ranked []*candidate) evidence {
	var ev evidence
	for _, c := range ranked {
		if !slices.Contains(ev.places, c.place) && len(ev.places) < maxPlaces {
			ev.places = append(ev.places, c.place)
		}
	}
	in.say("comparing %d pages between sessions", len(ev.places))
	ev.users = append(ev.users, in.snap(ctx, in.first, ev.places), in.snap(ctx, in.again, ev.places))
	for _, s := range in.spelled {
		ev.users = append(ev.users, in.snap(ctx, s.b, ev.places))
	}
	if in.other != nil {
		ev.other = in.snap(ctx, in.other, ev.places)
	}
	ev.strangers = in.strangers(ctx, ev.places)
	return ev
}

// strangers asks as somebody without cookies, and twice as somebody with the session
// that the sign-in form opened.
func (in *inspection) strangers(ctx context.Context, places []place) []snapshot {
	visitor := in.browser()
	_, _ = visitor.Find(ctx, in.form)
	return []snapshot{in.snap(ctx, in.browser(), places), in.snap(ctx, visitor, places), in.snap(ctx, visitor, places)}
}

// proven are the candidates that hold in all the evidence, best first: as they are, or
// if none does, with their case and blanks evened out.
func (in *inspection) proven(ranked []*candidate, ev evidence) []*candidate {
	for _, normalize := range [][]string{nil, {"trim", "lower"}} {
		var good []*candidate
		for _, c := range ranked {
			c.normalize = normalize
			if slices.Contains(ev.places, c.place) && in.prove(c, ev) {
				good = append(good, c)
			}
		}
		if len(good) > 0 {
			return good
		}
	}
	return nil
}

// prove holds a candidate against the evidence: one value for the customer in every
// session, another for the other customer, and none for strangers, who are told by a
// sign of their own.
func (in *inspection) prove(c *candidate, ev evidence) bool {
	id, ok := c.read(ev.users[0])
	if !ok {
		return false
	}
	for _, s := range ev.users[1:] {
		if same, ok := c.read(s); !ok || same != id {
			return false
		}
	}
	if ev.other != nil {
		if other, ok := c.read(ev.other); !ok || other == id || strings.EqualFold(other, id) {
			return false
		}
	}
	c.value = id
	return in.proveStrangers(c, ev)
}

// proveStrangers finds the signs of nobody, and the placeholders that stand there for
// a user.
func (in *inspection) proveStrangers(c *candidate, ev evidence) bool {
	c.not = nil
	var nobody, users []whoami.Response
	for _, s := range ev.strangers {
		if v, ok := c.read(s); ok && !slices.Contains(c.not, v) {
			c.not = append(c.not, v)
		}
		nobody = append(nobody, s[c.place])
	}
	if slices.Contains(c.not, c.value) || len(c.not) > 1 {
		return false // the same for strangers, or something else each time
	}
	for _, s := range append(slices.Clone(ev.users), ev.other) {
		if s != nil {
			users = append(users, s[c.place])
		}
	}
	c.signs = in.signs(nobody, users)
	return len(c.signs) > 0
}

// read is the value that the gateway would take for the user.
func (c *candidate) read(s snapshot) (id string, ok bool) {
	res, there := s[c.place]
	if !there {
		return "", false
	}
	q, err := whoami.Compile(c.whoami())
	if err != nil {
		return "", false
	}
	v := q.Judge(res)
	return v.User, v.Kind == whoami.User
}

// whoami is the question that a candidate stands for.
func (c *candidate) whoami() config.Whoami {
	user := c.extract
	user.Not = c.not
	w := config.Whoami{URI: c.uri, Anonymous: c.signs, User: &user, Normalize: c.normalize}
	if c.accept != "" {
		w.Header = map[string]string{"Accept": c.accept}
	}
	return w
}

// choose writes the best candidate down as whoami, with a name and an e-mail address
// of the same page to show.
func (in *inspection) choose(ctx context.Context, good, all []*candidate) {
	best := good[0]
	w := best.whoami()
	for _, c := range all {
		if c.place != best.place || c.extract.HTML == best.extract.HTML && c.extract.JSON == best.extract.JSON && c.extract.Attr == best.extract.Attr {
			continue
		}
		x := c.extract
		switch {
		case w.Email == nil && hasAny(c.key, []string{"email", "mail"}) && strings.Contains(c.value, "@"):
			w.Email = &x
		case w.Name == nil && c.value != best.value && isName(c.key) && (scoring{account: in.Customers[0]}).typed(c.value):
			w.Name = &x
		}
	}
	in.site.Whoami = []config.Whoami{w}
	in.id = best.value
	if best.accept != "" && in.askedPlainly(ctx, best) {
		in.site.Whoami[0].Header = nil
	}
	in.noteWhoami(best, good)
}

// askedPlainly reports whether a place gives JSON even if it is not asked for.
func (in *inspection) askedPlainly(ctx context.Context, c *candidate) bool {
	w := c.whoami()
	w.Header = nil
	q, err := whoami.Compile(w)
	if err != nil {
		return false
	}
	user, stranger := in.put(ctx, in.first, q, nil), in.put(ctx, in.browser(), q, nil)
	return user.Kind == whoami.User && user.User == c.value && stranger.Kind == whoami.Anonymous
}

func (in *inspection) noteWhoami(best *candidate, good []*candidate) {
	in.note("whoami.0", "%s", in.seenBy())
	if best.normalize != nil {
		in.note("whoami.0", "The page shows the name as it was typed, so case and blanks are evened out. A page with a number of the account would be better.")
	}
	if len(best.not) > 0 {
		in.note("whoami.0.user", "Strangers see %q here.", best.not[0])
	}
	if !numeric.MatchString(best.value) {
		in.note("whoami.0.user", "A user name: make sure that customers can't change theirs to somebody's who left.")
	}
	var others []string
	for _, c := range good[1:] {
		if c.place != best.place && len(others) < 3 && !slices.Contains(others, c.uri) {
			others = append(others, c.uri)
		}
	}
	if len(others) > 0 {
		in.note("whoami.0", "These name the user as well: %s.", strings.Join(others, ", "))
	}
}

// seenBy says what the choice was held against.
func (in *inspection) seenBy() string {
	text := "Names the same user in two sessions"
	for i, s := range in.spelled {
		sep := ", "
		if i == 0 {
			sep = " and however the name is written: "
		}
		text += sep + fmt.Sprintf("%q", s.as)
	}
	if in.other != nil {
		text += "; another for the second customer"
	}
	return text + "."
}

// compile makes the questions of the settings ready.
func (in *inspection) compile() error {
	resolved, err := in.site.Resolved()
	if err != nil {
		return fmt.Errorf("what was found does not make a configuration, which is a flaw of inspect: %w", err)
	}
	in.questions = nil
	for _, w := range resolved.Whoami {
		q, err := whoami.Compile(w)
		if err != nil {
			return fmt.Errorf("what was found can't be asked, which is a flaw of inspect: %w", err)
		}
		in.questions = append(in.questions, q)
	}
	return nil
}

// noUser says what was looked at in vain.
func (in *inspection) noUser() error {
	seen := make([]string, 0, 6)
	for _, c := range in.candidates {
		if !slices.Contains(seen, c.uri) && len(seen) < cap(seen) {
			seen = append(seen, c.uri)
		}
	}
	near := "none of them shows the user name or an account number"
	if len(seen) > 0 {
		near = "those that came near (" + strings.Join(seen, ", ") + ") change it with the spelling, show it to strangers or can be edited"
	}
	return fmt.Errorf("%w: %d pages were looked at and %s; name one with --page, for example the account's details (--page /account/details), or write whoami yourself", ErrNoUser, len(in.views), near)
}

// is reports whether a browser is signed in as the first customer.
func (in *inspection) is(ctx context.Context, b *browse.Browser, id string) bool {
	v := in.who(ctx, b, nil)
	return v.Kind == whoami.User && v.User == id
}
