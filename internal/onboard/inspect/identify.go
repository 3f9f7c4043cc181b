package inspect

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/onboard/direct"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// maxPlaces is the number of places that observe requests in each session. More places
// would find more candidates, but each costs a request in every session.
const maxPlaces = 8

// observation is one browser session: the response of each place (an address and the Accept header
// that it is asked with), and the verdict of each preset in evidence.presets.
type observation struct {
	snapshot
	presets map[string]whoami.Verdict
}

// evidence is what was observed in all sessions. A session is observed right after its sign-in,
// because some portals end the old session at the next sign-in.
type evidence struct {
	places    []place
	presets   map[string][]*whoami.Question
	looked    snapshot      // the first customer's responses during the crawl
	users     []observation // of the first customer's later sessions
	other     *observation  // of the second customer's, nil without one
	strangers []observation // without cookies, in an anonymous session, in the same session a second time
}

// prepare chooses what observe requests in every later session: the places with the best
// candidates, and the questions of the presets that have this form's field names. It is the
// step after crawl.
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

// observe asks all places, and the presets' questions, in one browser.
func (in *inspection) observe(ctx context.Context, b *browse.Browser) observation {
	o := observation{in.snap(ctx, b, in.ev.places), make(map[string]whoami.Verdict)}
	for name, questions := range in.ev.presets {
		o.presets[name] = direct.Portal{URL: in.portal.URL, Questions: questions}.Who(ctx, b, nil)
	}
	return o
}

// identify sets the whoami of the settings: that of a preset that fits, else that of the best
// proven candidate.
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

// proven returns the candidates that prove accepts, best first. If prove accepts none, each
// is tried again with case and blanks normalised.
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

// prove checks a candidate against the evidence: one value for the customer in every
// session, another for the other customer, and none for strangers. Each stranger's response
// shows a sign that no user's response shows.
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
		return false // a number may be the same for all customers
	}
	c.value = id
	return in.proveStrangers(c)
}

// proveStrangers sets the candidate's signs of an anonymous response, and the placeholder
// that such a response may show in the user's place (not). It returns false if anonymous
// visitors see the customer's id or more than one placeholder, or if no sign was found.
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
		return false // anonymous visitors see the customer's id, or more than one text
	}
	c.signs = in.signs(nobody, users)
	if sign := c.placeholder(); len(c.signs) == 0 && sign.HTML != "" && only(sign, nobody, users) {
		c.signs = []config.Sign{sign}
	}
	return len(c.signs) > 0
}

// read returns the user id that the gateway would read from the response of the
// candidate's place in s. ok is false if there is no response or it names no user.
func (c *candidate) read(s snapshot) (id string, ok bool) {
	res, there := s[c.place]
	q, err := whoami.Compile(c.whoami())
	if !there || err != nil {
		return "", false
	}
	v := q.Judge(res)
	return v.User, v.Kind == whoami.User
}

// whoami is the question for a candidate.
func (c *candidate) whoami() config.Whoami {
	user := c.extract
	user.Not = c.not
	w := config.Whoami{URI: c.uri, Anonymous: c.signs, User: &user, Normalize: c.normalize}
	if c.accept != "" {
		w.Header = map[string]string{"Accept": c.accept}
	}
	return w
}

// likely returns the questions of each preset that has the field names of this sign-in
// form, by the preset's name.
func (in *inspection) likely() map[string][]*whoami.Question {
	list := make(map[string][]*whoami.Question)
	for name := range strings.SplitSeq(config.PresetNames(), ", ") {
		site, err := config.Site{Portal: name}.Resolved()
		hasFields := func(s config.SignIn) bool {
			return s.Username == in.entry.User && s.Password == in.entry.Password && s.Password != ""
		}
		if err != nil || !slices.ContainsFunc(site.SignIn, hasFields) {
			continue
		}
		if questions, err := direct.Compile(site.Whoami); err == nil && len(questions) > 0 {
			list[name] = questions
		}
	}
	return list
}

// recognise replaces the settings with a preset, and keeps the measured `settle`. The
// preset must have the sign-in form's field names, and its questions must have given the
// right verdict in every session. It returns false if no preset fits.
func (in *inspection) recognise() bool {
	for _, name := range slices.Sorted(maps.Keys(in.ev.presets)) {
		id, ok := in.fits(name)
		switch {
		case !ok:
			in.note("", "The sign-in form is like that of the preset %s, but its whoami does not give the right answers here.", name)
		case in.NoPreset:
			in.note("", "The preset %s would do as well.", name)
		default:
			// committed has measured `settle` before; no preset knows this portal's delay.
			in.site, in.id = config.Site{Portal: name, Settle: in.site.Settle}, id
			in.note("portal", "The form's fields are those of %s, and its whoami gives the right answers. %s", name, in.seenBy())
			return true
		}
	}
	return false
}

// fits reports whether a preset's questions gave the right verdict in every session.
func (in *inspection) fits(name string) (id string, ok bool) {
	for i, o := range in.ev.users {
		v := o.presets[name]
		if v.Kind != whoami.User || i > 0 && v.User != id {
			return "", false
		}
		id = v.User
	}
	if o := in.ev.other; o != nil && (o.presets[name].Kind != whoami.User || strings.EqualFold(o.presets[name].User, id)) {
		return "", false
	}
	named := func(o observation) bool { return o.presets[name].Kind != whoami.Anonymous }
	return id, !slices.ContainsFunc(in.ev.strangers, named)
}
