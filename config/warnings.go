package config

import (
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
)

// Warnings returns a sentence for each setting that is allowed but usually wrong. The settings
// may be resolved or not: no preset has such a setting.
func (s Site) Warnings() []string {
	var list []string
	warn := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	for _, w := range s.Whoami {
		for _, sign := range w.Anonymous {
			sign.warn(w.URI, warn)
			if slices.Contains(sign.Status, http.StatusForbidden) {
				warn("whoami %s: anonymous status 403 is also the answer of limiters and firewalls: a client that floods the portal makes whoami treat a signed-in user as a stranger, who owes no code; "+
					"use a sign that only strangers get instead: redirect, html or json (a 403 may have a body with such a sign), or status 401", w.URI)
			}
		}
	}
	for _, in := range s.SignIn {
		for _, sign := range in.Failed {
			if sign.unanchored() {
				warn("sign_in %s: failed regex %q may match a response that has a token in another place; prefer status, or anchor it with ^ and $", strings.Join(in.Paths, " "), sign.Regex)
			}
		}
	}
	for _, glob := range s.Leave {
		if name, ok := usualSession(glob); ok {
			warn("leave %s also names %s, a usual cookie of signed-in sessions: left unsealed it can be stolen, planted or guessed", glob, name)
		}
	}
	if strings.HasPrefix(s.User, "{http.request.header.") {
		warn("user %s is a request header: make sure that something before two_factor removes what clients send in it", s.User)
	}
	if t := s.TOTP; t != nil && (t.Algorithm != "" && t.Algorithm != "SHA1" || t.Digits == 8 || t.Period != 0 && t.Period != seconds(30)) {
		warn("totp: several authenticator apps ignore other parameters than SHA1, 6 digits and 30s, and then show codes that are refused; try yours")
	}
	if s.Mode == "observe" {
		warn("mode observe: no request is refused, and the password alone is enough; see `two-factor report` for what the gate would do")
	}
	if s.Require == "always" && s.Support == "" {
		warn("require always without support: users who are locked out see no contact")
	}
	return list
}

// unanchored reports whether the sign is a regular expression that may match in any part of
// the page.
func (s Sign) unanchored() bool {
	return s.Regex != "" && !(strings.HasPrefix(s.Regex, "^") && strings.HasSuffix(s.Regex, "$"))
}

// warn warns of a regular expression that may match text that another user has put on the page.
// An expression for the whole body can't be misled that way.
func (s Sign) warn(uri string, warn func(string, ...any)) {
	if s.unanchored() {
		warn("whoami %s: anonymous regex %q may match text that a user has put on the page; prefer redirect, status or html, or anchor it with ^ and $", uri, s.Regex)
	}
}

// sessions are the usual names of session and remember-me cookies.
var sessions = []string{
	"PHPSESSID", "JSESSIONID", "ASP.NET_SessionId", ".AspNetCore.Cookies", "connect.sid", "sid", "SID",
	"session", "sessionid", "session_id", "_session_id", "laravel_session", "remember_token",
	"remember_user_token", "wordpress_logged_in_0", "wordpress_sec_0", "DokuWiki", "WHMCSUser",
}

func usualSession(glob string) (string, bool) {
	for _, name := range sessions {
		if ok, err := path.Match(glob, name); ok && err == nil {
			return name, true
		}
	}
	return "", false
}
