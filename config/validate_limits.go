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

func (s Site) validateLimits() error {
	return first(
		s.Session.validate(),
		between("recheck", *s.Recheck, 0, hours(1), "60s, or 0 to ask with every request"),
		between("settle", *s.Settle, 0, seconds(60), "2s"),
		s.TOTP.validate(),
		within("backup_codes", s.BackupCodes, 4, 20),
		s.Throttle.validate(),
	)
}

func between(where string, d, low, high Duration, example string) error {
	if d < low || d > high {
		return wrong(where, "%s is out of bounds; want %s to %s, for example %s", d, low, high, example)
	}
	return nil
}

func within(where string, n, low, high int) error {
	if n < low || n > high {
		return wrong(where, "%d is out of bounds; want %d to %d", n, low, high)
	}
	return nil
}

// maxLife is what browsers grant a cookie (RFC 6265bis, section 5.5).
const maxLife = 400 * 24 * Duration(time.Hour)

func (s *Session) validate() error {
	if err := first(
		between("session.life", s.Life, minutes(1), maxLife, "12h"),
		between("session.idle", s.Idle, minutes(1), maxLife, "30m"),
	); err != nil {
		return err
	}
	if s.Idle > s.Life {
		return wrong("session.idle", "%s is longer than the whole life, %s; want it shorter, for example 30m", s.Idle, s.Life)
	}
	return nil
}

// validate holds to what authenticator apps can do and RFC 6238, section 5.2, advises.
func (t *TOTP) validate() error {
	if t.Digits != 6 && t.Digits != 8 {
		return wrong("totp.digits", "%d digits are not what apps show; want 6 or 8", t.Digits)
	}
	if err := between("totp.period", t.Period, seconds(15), seconds(120), "30s"); err != nil {
		return err
	}
	if t.Period%seconds(1) != 0 {
		return wrong("totp.period", "%s is not a whole number of seconds; want for example 30s", t.Period)
	}
	if !slices.Contains([]string{"SHA1", "SHA256", "SHA512"}, t.Algorithm) {
		return wrong("totp.algorithm", "%q is not known; want SHA1, SHA256 or SHA512", t.Algorithm)
	}
	if *t.Skew != 0 && *t.Skew != 1 {
		return wrong("totp.skew", "%d steps make codes live too long; want 0 or 1", *t.Skew)
	}
	return nil
}

func (t *Throttle) validate() error {
	if err := first(
		within("throttle.stop", t.Stop, 3, 100), // NIST SP 800-63B-4, section 3.2.2
		within("throttle.free", *t.Free, 0, 20),
		between("throttle.wait", t.Wait, seconds(1), hours(1), "30s"),
		between("throttle.max", t.Max, seconds(1), hours(24), "15m"),
		within("throttle.address", t.Address.Count, 1, 100000),
		between("throttle.address", t.Address.Per, seconds(1), hours(24), "30/10m"),
	); err != nil {
		return err
	}
	if t.Max < t.Wait {
		return wrong("throttle.max", "%s is shorter than the first wait, %s; want it longer, for example 15m", t.Max, t.Wait)
	}
	if *t.Free >= t.Stop {
		return wrong("throttle.free", "%d failures are free, but %d already stop; want fewer, for example 5", *t.Free, t.Stop)
	}
	return nil
}

var hexColour = regexp.MustCompile(`^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$`)

func (b *Brand) validate() error {
	if b.Accent != "" && !hexColour.MatchString(b.Accent) {
		return wrong("brand.accent", "%q is not a colour in hexadecimal; want #rgb or #rrggbb, for example #0a5", b.Accent)
	}
	return first(
		validateText("brand.name", b.Name),
		validateFile("brand.logo", b.Logo, ".svg", ".png", ".jpg", ".jpeg", ".webp"),
		validateFile("brand.css", b.CSS, ".css"),
	)
}

func validateFile(where, file string, extensions ...string) error {
	if file == "" || slices.Contains(extensions, strings.ToLower(filepath.Ext(file))) {
		return nil
	}
	return wrong(where, "%q is not a file it can use; want one that ends in %s", file, strings.Join(extensions, ", "))
}

var telephone = regexp.MustCompile(`^\+?[0-9][0-9 ()/.-]{3,30}$`)

// validateSupport accepts what a customer can use: an e-mail address, a telephone number, a web page.
func validateSupport(support string) error {
	if support == "" || telephone.MatchString(support) {
		return nil
	}
	if a, err := mail.ParseAddress(support); err == nil && a.Address == support {
		return nil
	}
	u, err := url.Parse(support)
	if err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && len(support) <= 300 {
		return nil
	}
	return wrong("support", "%q is not something to turn to; want an e-mail address, a telephone number or an https:// address", support)
}
