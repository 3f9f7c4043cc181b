package config

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Warnings tells what is allowed but seldom right, a sentence each. Ask the
// settings as the operator wrote them: what a preset brings was weighed there.
func (s Site) Warnings() []string {
	var list []string
	warn := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	for _, w := range s.Whoami {
		for _, sign := range w.Anonymous {
			sign.warn(w.URI, warn)
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
	if s.Require == "always" && s.Support == "" {
		warn("require always without support: somebody who is locked out is not told where to turn")
	}
	return list
}

// provocable are statuses that servers also give to requests they cannot take, so
// that somebody who is signed in can bring them about.
var provocable = []int{400, 405, 406, 408, 411, 413, 414, 417, 421, 429, 431}

func (s Sign) warn(uri string, warn func(string, ...any)) {
	if s.Regex != "" {
		warn("whoami %s: anonymous regex %q may hold for text that somebody planted on the page; prefer redirect, status or html", uri, s.Regex)
	}
	for _, code := range s.Status {
		if slices.Contains(provocable, code) {
			warn("whoami %s: anonymous status %d is also what servers answer to requests they dislike, which a user can provoke; prefer redirect, status 401 or html", uri, code)
		}
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
