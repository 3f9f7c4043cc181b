package config

import (
	"slices"
	"time"
)

// Resolved returns the settings with preset and defaults filled in, and validates them. Errors
// are *Error. Calling it again on the result changes nothing.
func (s Site) Resolved() (Site, error) {
	s, err := s.withPreset()
	if err != nil {
		return s, err
	}
	SiteRows.Fill(&s)
	s.fillRelated()
	return s, s.Validate()
}

// withPreset fills in the preset's settings, except those that Without names. A single setting
// or whoami of the site replaces the preset's. Lists are joined, so that a site that adds a
// deny keeps the preset's. The site's own elements come first, so that the indexes in errors
// are those of the Caddyfile.
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

// fillRelated fills in the defaults that depend on other settings. It must run after
// SiteRows.Fill, which allocates Brand and Throttle.
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
