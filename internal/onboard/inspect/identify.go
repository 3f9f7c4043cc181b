package inspect

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/onboard/direct"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// maxPlaces is how many places are compared between all sessions.
const maxPlaces = 8

// observation is what the places answered in one browser, and what the presets whose
// form this is make of it.
type observation struct {
	snapshot
	presets map[string]whoami.Verdict
}

// evidence is what was observed of everybody. Sessions are observed at once after they
// began, because some portals end one when the next begins.
type evidence struct {
	places    []place
	presets   map[string][]*whoami.Question
	looked    snapshot      // as the first customer looked around
	users     []observation // of the first customer's later sessions
	other     *observation  // of the second customer's, nil without one
	strangers []observation // of nobody's: without cookies, with an anonymous session, and that again
}

// prepare settles what is compared: the places with the best candidates, and the
// presets that have this form.
func (in *inspection) prepare(context.Context) error {
	saved := make(map[string]bool)
	in.ev.looked = make(snapshot)
	for _, v := range in.views {
		list, values := candidatesOf(v)
		in.all = append(in.all, list...)
		for _, value := range values {
			saved[value] = true
		}
		in.ev.looked[v.place] = direct.Response(v.page)
	}
	in.candidates = rank(in.all, scoring{account: in.Customers[0], saved: saved})
	for _, c := range in.candidates {
		if !slices.Contains(in.ev.places, c.place) && len(in.ev.places) < maxPlaces {
			in.ev.places = append(in.ev.places, c.place)
		}
	}
	in.ev.presets = in.likely()
	return nil
}

// observe asks everything in one browser.
func (in *inspection) observe(ctx context.Context, b *browse.Browser) observation {
	o := observation{in.snap(ctx, b, in.ev.places), make(map[string]whoami.Verdict)}
	for name, questions := range in.ev.presets {
		o.presets[name] = in.answer(ctx, b, questions, nil)
	}
	return o
}

// identify finds the page that names the user and how it does: as a preset does that
// fits, or else by what was proven.
func (in *inspection) identify(ctx context.Context) error {
	in.say("comparing %d pages between sessions", len(in.ev.places))
	visitor := in.visitor(ctx)
	in.ev.strangers = []observation{in.observe(ctx, in.browser()), in.observe(ctx, visitor), in.observe(ctx, visitor)}
	near := in.candidates
	in.candidates = in.proven(near)
	if !in.recognise() {
		if len(in.candidates) == 0 {
			return in.noUser(near)
		}
		if err := in.choose(ctx); err != nil {
			return err
		}
	}
	in.signInSettings()
	return in.compile()
}

// proven are the candidates that hold in all the evidence, best first: as they are, or
// if none does, with their case and blanks evened out.
func (in *inspection) proven(ranked []*candidate) []*candidate {
	for _, normalize := range [][]string{nil, {"trim", "lower"}} {
		var good []*candidate
		for _, c := range ranked {
			c.normalize = normalize
			if slices.Contains(in.ev.places, c.place) && in.prove(c) {
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
func (in *inspection) prove(c *candidate) bool {
	id, ok := c.read(in.ev.looked)
	if !ok {
		return false
	}
	for _, o := range in.ev.users {
		if same, ok := c.read(o.snapshot); !ok || same != id {
			return false
		}
	}
	if in.ev.other != nil {
		if other, ok := c.read(in.ev.other.snapshot); !ok || strings.EqualFold(other, id) {
			return false
		}
	} else if !(scoring{account: in.Customers[0]}).typed(id) {
		return false // a number may be the same for everybody
	}
	c.value = id
	return in.proveStrangers(c)
}

// proveStrangers finds the signs of nobody, and the placeholder that may stand there
// for a user.
func (in *inspection) proveStrangers(c *candidate) bool {
	c.not = nil
	users := []whoami.Response{in.ev.looked[c.place]}
	for _, o := range in.ev.users {
		users = append(users, o.snapshot[c.place])
	}
	if in.ev.other != nil {
		users = append(users, in.ev.other.snapshot[c.place])
	}
	var nobody []whoami.Response
	for _, o := range in.ev.strangers {
		if v, ok := c.read(o.snapshot); ok && !slices.Contains(c.not, v) {
			c.not = append(c.not, v)
		}
		nobody = append(nobody, o.snapshot[c.place])
	}
	if slices.Contains(c.not, c.value) || len(c.not) > 1 {
		return false // the same for strangers, or something else each time
	}
	c.signs = in.signs(nobody, users)
	if sign := c.placeholder(); len(c.signs) == 0 && sign.HTML != "" && only(sign, nobody, users) {
		c.signs = []config.Sign{sign}
	}
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
func (in *inspection) choose(ctx context.Context) error {
	best := in.candidates[0]
	w := best.whoami()
	for _, c := range in.all {
		if c.place != best.place || c.extract.HTML == best.extract.HTML && c.extract.JSON == best.extract.JSON && c.extract.Attr == best.extract.Attr && c.extract.Regex == best.extract.Regex {
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

// askedPlainly reports whether a place gives JSON even if it is not asked for.
func (in *inspection) askedPlainly(ctx context.Context, b *browse.Browser, c *candidate) bool {
	w := c.whoami()
	w.Header = nil
	q, err := whoami.Compile(w)
	if err != nil {
		return false
	}
	user, stranger := in.put(ctx, b, q, nil), in.put(ctx, in.browser(), q, nil)
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

// seenBy says what the choice was held against.
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

// compile makes the questions of the settings ready.
func (in *inspection) compile() error {
	resolved, err := in.site.Resolved()
	if err != nil {
		return fmt.Errorf("what was found does not make a configuration, which is a flaw of inspect: %w", err)
	}
	if in.questions, err = compiled(resolved.Whoami); err != nil {
		return fmt.Errorf("what was found can't be asked, which is a flaw of inspect: %w", err)
	}
	return nil
}

// noUser says what was looked at in vain.
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

// is reports whether a browser is signed in as the first customer.
func (in *inspection) is(ctx context.Context, b *browse.Browser, id string) bool {
	v := in.who(ctx, b, nil)
	return v.Kind == whoami.User && v.User == id
}
