package config

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/directive"
)

// validateAddress accepts a pattern of Caddy's path matcher, optionally with query parameters
// that a request must have: /index.php?rp=/login.
func validateAddress(address string) error {
	p, query, _ := strings.Cut(address, "?")
	if !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") {
		return wrong("", "%q is not a path; want it to begin with one /, for example /login", address)
	}
	if _, err := url.ParseQuery(query); err != nil || strings.ContainsAny(address, "#{} \t\r\n\\") {
		return wrong("", "%q is not a path with a query; want for example /login or /index.php?rp=/login", address)
	}
	return nil
}

// validateURI accepts a path with an optional query on the portal itself.
func validateURI(uri string) error {
	if !strings.HasPrefix(uri, "/") || strings.HasPrefix(uri, "//") {
		return wrong("", "%q is not a path on the portal; want it to begin with one /, for example /account?tab=profile", uri)
	}
	if path, _, _ := strings.Cut(uri, "?"); strings.Contains(path, "*") {
		return wrong("", "%q has a *: it is one page that is asked, so want its whole path, for example /account (a * that belongs to the path is written %%2A)", uri)
	}
	_, err := url.ParseRequestURI(uri)
	if err != nil || strings.ContainsAny(uri, "# {}\\") {
		return wrong("", "%q is not a path with a query; want for example /account?tab=profile, other characters escaped with %%", uri)
	}
	return nil
}

// fixedHeaders are headers that Secondgate sets itself or that belong to the connection. They
// can't be declared as a credential, read from a response or set on a question.
var fixedHeaders = []string{
	"Cookie", "Connection", "Content-Length", "Host", "Keep-Alive", "Proxy-Connection",
	"Set-Cookie", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

func validateHeader(name string) error {
	if name == "" || strings.Trim(name, tokenChars) != "" {
		return wrong("", "%q is not the name of a header; want for example Authorization", name)
	}
	if strings.ContainsAny(name, "_.") {
		return wrong("", "%q never arrives: Caddy drops headers with _ or . in their name; want the name with dashes", name)
	}
	if slices.Contains(fixedHeaders, http.CanonicalHeaderKey(name)) {
		return wrong("", "%q cannot be used here: Secondgate builds it itself; want a header of the portal's own, for example Authorization", name)
	}
	return nil
}

// tokenChars are the characters of header names and cookie names (RFC 9110, section 5.6.2).
const tokenChars = "!#$%&'*+-.^_`|~0123456789" +
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

func (c Credential) validate() error {
	if (c.Header == "") == (c.Query == "") {
		return wrong("", "it names %d credentials; want either a header or a query parameter", countSet(c.Header, c.Query))
	}
	if c.Header != "" {
		return directive.At("header", validateHeader(c.Header))
	}
	if strings.ContainsAny(c.Query, "=&;#?% \t\r\n") {
		return wrong("query", "%q is not the name of a query parameter; want for example access_token", c.Query)
	}
	return nil
}

// validateLeave accepts names of cookies with * for any characters.
func validateLeave(glob string) error {
	if strings.Trim(glob, "*") == "" {
		return wrong("", "%q would leave every cookie unsealed, sessions too; want the names that scripts read, for example XSRF-TOKEN or theme_*", glob)
	}
	if strings.Trim(glob, tokenChars) != "" {
		return wrong("", "%q is not the name of a cookie; want for example XSRF-TOKEN or theme_*", glob)
	}
	return nil
}

func countSet(values ...string) int {
	n := 0
	for _, v := range values {
		if v != "" {
			n++
		}
	}
	return n
}
