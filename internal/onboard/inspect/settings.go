package inspect

import (
	"net/url"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/config"
)

// signInSettings writes the form down. With a preset that knows its fields it is not
// needed.
func (in *inspection) signInSettings() {
	if in.site.Portal != "" {
		notes := in.notes["sign_in.0"]
		delete(in.notes, "sign_in.0")
		in.notes["portal"] = append(in.notes["portal"], notes...)
		return
	}
	e := in.entry
	s := config.SignIn{Page: bare(e.Login.URL), Username: e.User, Password: e.Password}
	action := bare(e.Form.Action)
	if entering.MatchString(action) || strings.Contains(action, "auth") {
		s.Paths = []string{action}
	} else {
		in.note("sign_in.0", "The form is sent to %s, which other pages use too: only its fields tell a sign-in.", action)
	}
	in.propose("The sign-in form", func(site *config.Site) { site.SignIn = []config.SignIn{s} })
}

// propose takes a change of the settings if they are still ones that can be written and
// read; what a portal calls its fields and pages may be neither.
func (in *inspection) propose(what string, change func(*config.Site)) bool {
	s := in.site
	change(&s)
	_, err := s.Resolved()
	if err == nil {
		_, err = s.Caddyfile(nil)
	}
	if err != nil {
		in.missing("%s can't be written down (%v).", what, err)
		return false
	}
	in.site = s
	return true
}

// declareForm names the path that the form is sent to: under `watch unsafe` only a
// declared sign-in is not preceded by a question.
func (in *inspection) declareForm() {
	if in.site.Portal != "" || len(in.site.SignIn) == 0 || len(in.site.SignIn[0].Paths) > 0 {
		return
	}
	in.addSignIn(bare(in.entry.Form.Action))
}

// addSignIn adds a path to the sign-in.
func (in *inspection) addSignIn(p string) bool {
	return in.propose("The sign-in at "+p, func(site *config.Site) {
		s := site.SignIn[0]
		s.Paths = append(slices.Clone(s.Paths), p)
		site.SignIn = []config.SignIn{s}
	})
}

// bare is the path of an address, with what of its query is neither a token nor empty,
// and without a session id.
func bare(u *url.URL) string {
	path, _, _ := strings.Cut(u.EscapedPath(), ";")
	if path == "" {
		path = "/"
	}
	var kept []string
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if key == "" || value == "" || secret.MatchString(key) || strings.ContainsAny(pair, "*{}\"") || returns(key) {
			continue
		}
		kept = append(kept, pair)
	}
	if len(kept) > 0 {
		path += "?" + strings.Join(kept, "&")
	}
	return path
}

// returns are parameters that say where to go afterwards.
func returns(key string) bool {
	key = strings.ToLower(key)
	for _, w := range []string{"next", "return", "redirect", "goto", "back", "dest", "url", "target", "continue", "from", "reauth", "service", "referer"} {
		if strings.Contains(key, w) {
			return true
		}
	}
	return false
}
