package config

import (
	"net/http"
	"slices"
)

// TokenHeader is the header in which whoami understands the tokens of sign-ins: the
// only one declared with `credential header`, or Authorization. It is "" where no
// sign-in has a token, and where it could be several.
func (s Site) TokenHeader() string {
	if !slices.ContainsFunc(s.SignIn, func(in SignIn) bool { return in.Token != nil }) {
		return ""
	}
	var headers []string
	for _, c := range s.Credential {
		if name := http.CanonicalHeaderKey(c.Header); c.Header != "" && !slices.Contains(headers, name) {
			headers = append(headers, name)
		}
	}
	if slices.Contains(headers, "Authorization") {
		return "Authorization"
	}
	if len(headers) != 1 {
		return ""
	}
	return headers[0]
}

// validateTokens refuses tokens of which whoami could not be asked.
func (s Site) validateTokens() error {
	return each("sign_in", s.SignIn, func(in SignIn) error {
		switch {
		case in.Token == nil:
			return nil
		case s.User != "":
			return wrong("token", "it needs whoami, which is asked whose the token is; with user there is none")
		case s.TokenHeader() == "":
			return wrong("token", "nothing says in which header the portal takes it; want one, for example credential header Authorization")
		}
		return nil
	})
}

func (t *Token) validate(paths []string) error {
	switch {
	case t == nil:
		return nil
	case len(paths) == 0:
		return wrong("token", "it names no path whose response has the token; want for example sign_in /auth/token")
	case t.JSON == "":
		return wrong("token", "it has no path to the token; want for example token json access_token")
	}
	return validateJSONPath("token", t.JSON)
}
