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
	s.fillNames()
	s.fillLinks()
	s.fillLimits()
	s.fillThrottle()
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
	if s.Watch == "" {
		s.Watch = p.Watch
	}
	if s.Rotates == nil {
		s.Rotates = p.Rotates
	}
	s.Leave = join(s.Leave, p.Leave)
	s.Credential = join(s.Credential, p.Credential)
	s.SignIn = join(s.SignIn, p.SignIn)
	s.SignOut = join(s.SignOut, p.SignOut)
	s.Public = join(s.Public, p.Public)
	s.Deny = join(s.Deny, p.Deny)
	return s, nil
}

// join never writes into own's array: sites are copied by value.
func join[T any](own, preset []T) []T {
	return append(own[:len(own):len(own)], preset...)
}

func (s *Site) fillNames() {
	setDefault(&s.Realm, "default")
	setDefault(&s.Path, "/two-factor")
	setDefault(&s.Watch, "all")
	setDefault(&s.Require, "optional")
	setDefault(&s.Mode, "enforce")
	if s.Brand == nil {
		s.Brand = &Brand{}
	}
	setDefault(&s.Issuer, s.Brand.Name)
	if s.Rotates == nil {
		s.Rotates = new(bool)
	}
}

func (s *Site) fillLinks() {
	s.Link = slices.Clone(s.Link) // sites are copied by value
	for i := range s.Link {
		setDefault(&s.Link[i].Position, "append")
	}
}

func (s *Site) fillLimits() {
	life := Session{}
	if s.Session != nil {
		life = *s.Session
	}
	setDefault(&life.Life, hours(12))
	setDefault(&life.Idle, min(minutes(30), life.Life))
	s.Session = &life

	if s.Recheck == nil {
		recheck := minutes(1)
		s.Recheck = &recheck
	}
	if s.Settle == nil {
		settle := seconds(2)
		s.Settle = &settle
	}

	totp := TOTP{}
	if s.TOTP != nil {
		totp = *s.TOTP
	}
	setDefault(&totp.Digits, 6)
	setDefault(&totp.Period, seconds(30))
	setDefault(&totp.Algorithm, "SHA1")
	if totp.Skew == nil {
		skew := 1
		totp.Skew = &skew
	}
	s.TOTP = &totp

	setDefault(&s.BackupCodes, 10)
}

func (s *Site) fillThrottle() {
	t := Throttle{}
	if s.Throttle != nil {
		t = *s.Throttle
	}
	setDefault(&t.Stop, 100)
	if t.Free == nil {
		free := max(min(5, t.Stop-1), 0)
		t.Free = &free
	}
	setDefault(&t.Wait, seconds(30))
	setDefault(&t.Max, max(minutes(15), t.Wait))
	if t.Address == nil {
		t.Address = &Rate{Count: 30, Per: minutes(10)}
	}
	s.Throttle = &t
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
