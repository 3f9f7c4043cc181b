// Package request derives facts from a request: what it may change, whether it is a sign-in, how
// servers could read its address, which of its headers are credentials.
//
// [Facts] are made once per request, before it is forwarded, and not changed afterwards.
// Packages gateway and observe use the same facts. Decisions are made by package gate.
package request

import (
	"net/http"
	"net/url"

	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// Rule is one of the site's lists of matchers, applied to all readings of a request's
// path (see route.Variants).
type Rule interface {
	// Any reports whether the rule holds for some reading: the safe answer for rules that
	// refuse. All reports whether it holds for each reading: the safe answer for rules that
	// permit.
	Any(r *http.Request, readings []string) bool
	All(r *http.Request, readings []string) bool
}

// Rules are the site's lists. A nil one matches nothing.
type Rules struct {
	Deny, Trust, Guest, Public, SignIn, SignOut Rule
	// LinkSignIn are the sign_in addresses without field names: any request for them may sign a
	// user in.
	LinkSignIn Rule
	// Fields are sign_in's field names: a query that has one makes a sign-in.
	Fields []string
	// Forms are the pages that show a sign-in form. SignInPage is the first of them, where
	// a stranger is sent when `guest` shuts a page; may be empty.
	Forms      []string
	SignInPage string
}

// Bearer describes how the portal recognises users by a token that a script keeps and sends in a
// header. A zero Header says that it does not.
type Bearer struct {
	// Header carries the token, canonically written; after "Bearer " in Authorization.
	Header string
	// SignIns are the addresses that answer with a token.
	SignIns []TokenSignIn
}

// TokenSignIn is an address that answers with a token.
type TokenSignIn struct {
	Rule  Rule
	Token *whoami.Token
}

// Client holds what the server knows about the sender of a request.
type Client struct {
	// Address is the client's address, as the server's trusted_proxies tell.
	Address string
	// Secure says that the browser uses HTTPS, to this server or to a trusted proxy.
	Secure bool
	// URL is the URL that the browser requested, before any rewrite.
	URL *url.URL
	// Identity identifies the credentials that the server itself adds to the request: the
	// fingerprint of a client certificate, and the user whom an authentication handler before the
	// gate identified. It is opaque; empty for none.
	Identity string
	// Placeholders identifies the other values that handlers before the gate stored for the request
	// and that handlers behind it may use. It is opaque; empty for none. Questions have the same
	// values. Stored says that handlers behind the gate may pass some of it on: then it is a
	// credential (design rule Q4).
	Placeholders string
	Stored       bool
	// Added says that some of Identity or Placeholders names a user and may reach the portal.
	// The cookies are then also asked about without it.
	Added bool
}

// added reports whether the server itself adds credentials to the request.
func (c *Client) added() bool { return c.Identity != "" || c.Stored }

// Site holds the settings that the facts depend on.
type Site struct {
	// Path is where the own pages are.
	Path    string
	Rules   Rules
	Headers *portal.Headers
	// Queries are declared credentials in the query.
	Queries []string
	Bearer  Bearer
	// WatchUnsafe is `watch unsafe`.
	WatchUnsafe bool
	// Identify is set for a site with `user {placeholder}`. It returns the id of the user whom an
	// authentication handler before the gate identified; "" for none.
	Identify func(r *http.Request) (id string)
}

// Below reports whether a path is one of the own pages'.
func (s *Site) Below(path string) bool {
	n := len(s.Path)
	return len(path) >= n && path[:n] == s.Path && (len(path) == n || path[n] == '/')
}
