package inspect

import (
	"maps"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// likely are the questions of the presets whose sign-in form has these fields.
func (in *inspection) likely() map[string][]*whoami.Question {
	list := make(map[string][]*whoami.Question)
	for name := range strings.SplitSeq(config.PresetNames(), ", ") {
		site, err := config.Site{Portal: name}.Resolved()
		if err != nil || !in.hasFields(site) {
			continue
		}
		if questions, err := compiled(site.Whoami); err == nil && len(questions) > 0 {
			list[name] = questions
		}
	}
	return list
}

func (in *inspection) hasFields(site config.Site) bool {
	return slices.ContainsFunc(site.SignIn, func(s config.SignIn) bool {
		return s.Username == in.entry.User && s.Password == in.entry.Password && s.Password != ""
	})
}

func compiled(list []config.Whoami) (questions []*whoami.Question, err error) {
	for _, w := range list {
		q, err := whoami.Compile(w)
		if err != nil {
			return nil, err
		}
		questions = append(questions, q)
	}
	return questions, nil
}

// recognise looks for a preset that fits: the sign-in form has its fields, and its
// questions gave the right answer about every session and about strangers. Then the
// settings are that preset.
func (in *inspection) recognise() bool {
	for _, name := range slices.Sorted(maps.Keys(in.ev.presets)) {
		id, ok := in.fits(name)
		switch {
		case !ok:
			in.note("", "The sign-in form is like that of the preset %s, but its whoami does not give the right answers here.", name)
		case in.NoPreset:
			in.note("", "The preset %s would do as well.", name)
		default:
			in.site, in.id = config.Site{Portal: name}, id
			in.note("portal", "The form's fields are those of %s, and its whoami gives the right answers. %s", name, in.seenBy())
			return true
		}
	}
	return false
}

// fits reports whether a preset's questions were answered right about everybody.
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
	stranger := func(o observation) bool { return o.presets[name].Kind == whoami.Anonymous }
	return id, !slices.ContainsFunc(in.ev.strangers, func(o observation) bool { return !stranger(o) })
}
