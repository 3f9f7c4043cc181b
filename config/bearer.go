package config

import (
	"net/http"
	"slices"

	"github.com/secondgate/secondgate/internal/directive"
)

// TokenHeader returns the header in which the portal takes the bearer tokens of sign-ins:
// Authorization if it is declared with `credential header`, else the only declared header. It
// is "" if no sign-in has a token, and if several other headers are declared.
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

// validateTokens refuses tokens with which whoami could not be asked.
func (s Site) validateTokens() error {
	return each("sign_in", s.SignIn, func(in SignIn) error {
		switch {
		case in.Token == nil:
			return nil
		case s.User != "":
			return wrong("token", "it needs whoami, which is asked for the user of the token; a site with user has no whoami")
		case s.TokenHeader() == "":
			return wrong("token", "no header is declared in which the portal takes it; want one, for example credential header Authorization")
		}
		return nil
	})
}

// validateFailed checks the setting `failed`. It is refused without `token`: the signs are for
// responses of a token sign-in that have no token.
func (s SignIn) validateFailed() error {
	if len(s.Failed) > 0 && s.Token == nil {
		return wrong("failed", "it describes responses without a token, but no token is declared; want for example token json access_token")
	}
	return each("failed", s.Failed, func(sign Sign) error { return sign.validateBy(Sign.validateFailed) })
}

// validateFailed refuses statuses that a response with a token may have, and statuses of a
// portal that fails, which may have signed the user in before it failed.
func (s Sign) validateFailed() error {
	for _, code := range s.Status {
		if code != http.StatusNoContent && code != http.StatusResetContent && (code < 300 || code > 499) {
			return wrong("", "status %d does not show that a sign-in failed: a response with a token may have it, and so may a portal that failed after the sign-in; want for example 401 or 422", code)
		}
	}
	return nil
}

func (t *Token) validate(paths []string) error {
	switch {
	case t == nil:
		return nil
	case len(paths) == 0:
		return wrong("token", "it names no path with a response that has the token; want for example sign_in /auth/token")
	case t.JSON == "":
		return wrong("token", "it has no path to the token; want for example token json access_token")
	}
	return directive.At("token", validateJSONPath(t.JSON))
}

// Credentials returns the headers and query parameters that the setting `credential` declares.
func (s Site) Credentials() (headers, queries []string) {
	for _, c := range s.Credential {
		if c.Header != "" {
			headers = append(headers, c.Header)
		}
		if c.Query != "" {
			queries = append(queries, c.Query)
		}
	}
	return headers, queries
}
