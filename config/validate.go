package config

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/secondgate/secondgate/internal/portal/exempt"
)

var (
	realmName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	ownPath     = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)
	placeholder = regexp.MustCompile(`^\{[^{}\s]+\}$`)
)

// Validate returns the first invalid setting, as *Error. Preset and defaults must be filled in;
// Resolved does both.
func (s Site) Validate() error {
	return first(
		s.validateIdentity(),
		SiteRows.Check(&s),
		s.validateTokens(),
		s.validateEnrolMail(),
		s.validateLinks(),
	)
}

func isOwnPath(own string) bool { return ownPath.MatchString(own) && path.Clean(own) == own }

func validateIssuer(issuer string) error {
	// The label of an otpauth:// address is "issuer:account".
	if strings.Contains(issuer, ":") {
		return wrong("", "%q holds a colon, which authenticator apps take for its end; want a name without one", issuer)
	}
	return validateLine(issuer)
}

// validateLine accepts one short line of text.
func validateLine(text string) error {
	if !utf8.ValidString(text) || strings.IndexFunc(text, unicode.IsControl) >= 0 {
		return wrong("", "%q holds control characters; want one line of text", text)
	}
	if utf8.RuneCountInString(text) > 100 {
		return wrong("", "%q is too long; want 100 characters at most", text)
	}
	return nil
}

func (s Site) validateIdentity() error {
	switch {
	case s.User == "" && len(s.Whoami) == 0:
		return wrong("whoami", "no setting says who is signed in; want portal with a preset (%s), or whoami, or user with a placeholder", PresetNames())
	case s.User != "" && len(s.Whoami) > 0:
		return wrong("user", "%q and whoami exclude each other; want user if an authentication handler before two_factor identifies the users, else whoami", s.User)
	case s.User != "":
		return validateUser(s.User)
	}
	if len(s.Whoami) > maxWhoami {
		return wrong("whoami", "there are %d questions, and one request may cause all of them; want at most %d", len(s.Whoami), maxWhoami)
	}
	return each("whoami", s.Whoami, func(w Whoami) error { return w.validate(s.Path) })
}

// HasEmail reports whether a question finds the user's e-mail address.
func (s Site) HasEmail() bool {
	return slices.ContainsFunc(s.Whoami, func(w Whoami) bool { return w.Email != nil })
}

func (s Site) validateEnrolMail() error {
	if s.EnrolMail == "on" && !s.HasEmail() {
		return wrong("enrol_mail", "\"on\" has no address to send to; want a whoami with email, or enrol_mail off")
	}
	return nil
}

// clientPlaceholders are prefixes of placeholders that the client controls. Headers are only warned
// about, except for those of credentials, because an authenticator may set them. What `map` and
// `vars` make is not followed.
var clientPlaceholders = []string{
	"{http.request.uri", "{http.request.orig_uri", "{http.request.cookie", "{http.request.body", "{http.request.method", "{http.request.orig_method",
	"{http.request.host", "{http.request.tls.server_name", "{http.request.proto", "{http.request.remote", "{http.request.client_ip", "{http.request.port",
	"{http.regexp.", "{http.url_pattern.", "{http.matchers.", "{http.request.header.Cookie", "{http.request.header.Authorization",
}

func validateUser(user string) error {
	if !placeholder.MatchString(user) {
		return wrong("user", "%q is not a placeholder; want one that an authentication handler before two_factor sets, for example {http.auth.user.id}", user)
	}
	for _, prefix := range clientPlaceholders {
		if strings.HasPrefix(strings.ToLower(user), strings.ToLower(prefix)) {
			return wrong("user", "%q is a value that the client chooses; want one that an authentication handler before two_factor sets, for example {http.auth.user.id}", user)
		}
	}
	return nil
}

// validate refuses the set of a `trust`, `public`, `guest` or `deny` line if it is empty, or if it is a
// lone path matcher such as /*: a line for every request is never meant. Other matchers for every
// request, as path_regexp .*, are not found. It also refuses matchers that package exempt can't evaluate.
func (m MatcherSet) validate() error {
	if len(m) == 0 {
		return wrong("", "* matches every request; want the paths or @matchers that it is for")
	}
	if err := exempt.Check(m); err != nil {
		return err
	}
	var list []string
	if len(m) != 1 || json.Unmarshal(m["path"], &list) != nil {
		return nil
	}
	for _, p := range list {
		if strings.Trim(p, "/*") == "" && strings.Contains(p, "*") {
			return wrong("", "%q matches every request; want the paths or @matchers that it is for", p)
		}
	}
	return nil
}

func (s SignIn) validate() error {
	if len(s.Paths) == 0 && s.Username == "" && s.Password == "" {
		return wrong("", "it names neither a path nor a field; want for example a path /login, or username and password")
	}
	return first(
		each("paths", s.Paths, validateAddress),
		s.Token.validate(s.Paths),
		s.validateFailed(),
	)
}

func validateField(name string) error {
	if strings.ContainsFunc(name, unicode.IsSpace) || len(name) > 100 {
		return wrong("", "%q is not the name of a form field; want what the form's name= says", name)
	}
	return validateLine(name)
}
