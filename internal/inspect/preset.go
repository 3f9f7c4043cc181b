package inspect

import (
	"context"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/browse"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// recognise looks for a preset that fits: the sign-in form has its fields, and its
// questions give the right answer about every session and about strangers. Then the
// settings are that preset.
func (in *inspection) recognise(ctx context.Context) bool {
	for name := range strings.SplitSeq(config.PresetNames(), ", ") {
		site, err := config.Site{Portal: name}.Resolved()
		if err != nil || !in.hasFields(site) {
			continue
		}
		in.say("asking as the preset %s does", name)
		questions, ok := compiled(site.Whoami)
		if !ok || !in.fits(ctx, questions) {
			in.note("", "The sign-in form is like that of the preset %s, but its whoami does not give the right answers here.", name)
			continue
		}
		if in.NoPreset {
			in.note("", "The preset %s would do as well.", name)
			return false
		}
		in.site, in.questions = config.Site{Portal: name}, questions
		in.note("portal", "The form's fields are those of %s, and its whoami gives the right answers.\n%s", name, in.seenBy())
		return true
	}
	return false
}

func (in *inspection) hasFields(site config.Site) bool {
	return slices.ContainsFunc(site.SignIn, func(s config.SignIn) bool {
		return s.Username == in.entry.User && s.Password == in.entry.Password && s.Password != ""
	})
}

func compiled(list []config.Whoami) (questions []*whoami.Question, ok bool) {
	for _, w := range list {
		q, err := whoami.Compile(w)
		if err != nil {
			return nil, false
		}
		questions = append(questions, q)
	}
	return questions, len(questions) > 0
}

// fits reports whether the questions are answered right about everybody.
func (in *inspection) fits(ctx context.Context, questions []*whoami.Question) bool {
	first := in.answer(ctx, in.first, questions, nil)
	if first.Kind != whoami.User {
		return false
	}
	sessions := []*browse.Browser{in.again}
	for _, s := range in.spelled {
		sessions = append(sessions, s.b)
	}
	for _, b := range sessions {
		if v := in.answer(ctx, b, questions, nil); v.Kind != whoami.User || v.User != first.User {
			return false
		}
	}
	if in.other != nil {
		if v := in.answer(ctx, in.other, questions, nil); v.Kind != whoami.User || v.User == first.User {
			return false
		}
	}
	visitor := in.browser()
	_, _ = visitor.Find(ctx, in.form)
	for _, b := range []*browse.Browser{in.browser(), visitor} {
		if in.answer(ctx, b, questions, nil).Kind != whoami.Anonymous {
			return false
		}
	}
	in.id = first.User
	return true
}
