package config

import (
	"slices"
	"time"
)

// Resolved returns the settings as they hold: the preset fills in what is not set,
// defaults fill in the rest, and the whole is validated. Errors are *Error. Calling
// it again on its result changes nothing.
func (s Site) Resolved() (Site, error) {
	s, err := s.withPreset()
	if err != nil {
		return s, err
	}
	SiteRows.Fill(&s)
	s.fillRelated()
	return s, s.Validate()
}

// withPreset fills in from the preset. Single settings and whoami are replaced by
// the site's own; lists add up, so that a site that adds a deny keeps the preset's, and
// what Without names is not filled in.
// The site's own elements come first: errors name their index.
func (s Site) withPreset() (Site, error) {
	if s.Portal == "" {
		return s, s.Without.alone()
	}
	preset, ok := FindPreset(s.Portal)
	if !ok {
		return s, wrong("portal", "%q is not a preset; want %s, or no portal and a whoami of your own", s.Portal, PresetNames())
	}
	if err := s.Without.take(&preset); err != nil {
		return s, err
	}
	p := preset.Site
	s.Portal, s.Without = "", nil
	if len(s.Whoami) == 0 && s.User == "" {
		s.Whoami = p.Whoami
	}
	SiteRows.Merge(&s, &p)
	return s, nil
}

// fillRelated fills in the defaults that depend on other settings. SiteRows.Fill made the
// structs that are written to here.
func (s *Site) fillRelated() {
	setDefault(&s.Issuer, s.Brand.Name)
	s.Link = slices.Clone(s.Link) // sites are copied by value
	for i := range s.Link {
		setDefault(&s.Link[i].Position, "append")
	}
	var session Session
	if s.Session != nil {
		session = *s.Session
	}
	setDefault(&session.Life, hours(12))
	setDefault(&session.Idle, min(minutes(30), session.Life))
	s.Session = &session
	t := s.Throttle
	if t.Free == nil {
		free := max(min(5, t.Stop-1), 0)
		t.Free = &free
	}
	setDefault(&t.Max, max(minutes(15), t.Wait))
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func seconds(n int) Duration { return Duration(n) * Duration(time.Second) }
func minutes(n int) Duration { return Duration(n) * Duration(time.Minute) }
func hours(n int) Duration   { return Duration(n) * Duration(time.Hour) }
