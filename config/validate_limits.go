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

// Digits and skew are limited to what authenticator apps support and RFC 6238, section 5.2,
// recommends.

func validateDigits(n int) error {
	if n != 6 && n != 8 {
		return wrong("", "%d digits are not what apps show; want 6 or 8", n)
	}
	return nil
}

func validateSkew(n int) error {
	if n != 0 && n != 1 {
		return wrong("", "%d steps make codes live too long; want 0 or 1", n)
	}
	return nil
}

func validatePeriod(d Duration) error {
	if d%seconds(1) != 0 {
		return wrong("", "%s is not a whole number of seconds; want for example 30s", d)
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

func (c Colour) validate() error {
	if !hexColour.MatchString(string(c)) {
		return wrong("", "%q is not a colour in hexadecimal; want #rgb or #rrggbb, for example #0a5", c)
	}
	return nil
}

func validateLogo(file string) error {
	return validateFile(file, ".svg", ".png", ".jpg", ".jpeg", ".webp")
}

func validateStyle(file string) error { return validateFile(file, ".css") }

func validateFile(file string, extensions ...string) error {
	if slices.Contains(extensions, strings.ToLower(filepath.Ext(file))) {
		return nil
	}
	return wrong("", "%q is not a file it can use; want one that ends in %s", file, strings.Join(extensions, ", "))
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
