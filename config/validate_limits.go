package config

import (
	"net/mail"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// maxLife is the longest life that browsers give a cookie (RFC 6265bis, section 5.5).
const maxLife = 400 * 24 * Duration(time.Hour)

func (s Session) validate() error {
	for _, t := range []struct {
		where   string
		time    Duration
		example string
	}{{"life", s.Life, "12h"}, {"idle", s.Idle, "30m"}} {
		if t.time < minutes(1) || t.time > maxLife {
			return wrong(t.where, "%s is out of bounds; want 1m to %s, for example %s", t.time, maxLife, t.example)
		}
	}
	if s.Idle > s.Life {
		return wrong("idle", "%s is longer than the whole life, %s; want it shorter, for example 30m", s.Idle, s.Life)
	}
	return nil
}

func (r Rate) validate() error {
	if r.Count < 1 || r.Count > 100000 {
		return wrong("", "%d is out of bounds; want 1 to 100000", r.Count)
	}
	if r.Per < seconds(1) || r.Per > hours(24) {
		return wrong("", "%s is out of bounds; want 1s to 24h, for example 30/10m", r.Per)
	}
	return nil
}

func (t Throttle) validate() error {
	if t.Max < t.Wait {
		return wrong("max", "%s is shorter than the first wait, %s; want it longer, for example 15m", t.Max, t.Wait)
	}
	if *t.Free >= t.Stop {
		return wrong("free", "%d failures are free, but %d already stop; want fewer, for example 5", *t.Free, t.Stop)
	}
	return nil
}

var hexColour = regexp.MustCompile(`^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$`)

func (c Colour) isHex() bool { return hexColour.MatchString(string(c)) }

// fileOf returns a check that accepts the names of files with one of the extensions.
func fileOf(extensions ...string) func(file string) error {
	return func(file string) error {
		if slices.Contains(extensions, strings.ToLower(filepath.Ext(file))) {
			return nil
		}
		return wrong("", "%q is not a file it can use; want one that ends in %s", file, strings.Join(extensions, ", "))
	}
}

var telephone = regexp.MustCompile(`^\+?[0-9][0-9 ()/.-]{3,30}$`)

// validateSupport accepts an e-mail address, a telephone number or the URL of a web page.
func validateSupport(support string) error {
	if telephone.MatchString(support) {
		return nil
	}
	if a, err := mail.ParseAddress(support); err == nil && a.Address == support {
		return nil
	}
	u, err := url.Parse(support)
	if err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && len(support) <= 300 {
		return nil
	}
	return wrong("", "%q is no contact; want an e-mail address, a telephone number or an https:// address", support)
}
