// Package config holds the operator's settings: their types, defaults and validation, and the
// presets that fill them in.
//
// Settings that pass Validate are complete: other packages don't check again whether a value is
// present and valid. The package does not import Caddy. Its structs are the JSON of the handler
// two_factor; caddyplugin/caddyfile reads Caddyfiles into them by the rows of [SiteRows].
package config

import "encoding/json"

// Site is one `two_factor` handler: one portal behind one gate. The JSON names are
// those of the Caddyfile's subdirectives.
type Site struct {
	// Realm is the name space of users. Default: "default".
	Realm string `json:"realm,omitempty"`
	// Issuer is shown in the authenticator app and on the pages. Default: the brand's name, or the request's host.
	Issuer string `json:"issuer,omitempty"`
	// Path is the path of the own pages. Default: /two-factor.
	Path string `json:"path,omitempty"`
	// Portal names a preset. Its settings fill in what is not set here.
	Portal string `json:"portal,omitempty"`
	// Without lists settings of the preset to leave out: {"deny": ["/xmlrpc.php"]}.
	Without Without `json:"without,omitempty"`

	// Leave lists names (globs with *) of cookies that the portal's scripts must
	// read; they are not sealed, and count as credentials.
	Leave []string `json:"leave,omitempty"`
	// Credential declares headers and query parameters that whoami understands.
	Credential []Credential `json:"credential,omitempty"`

	// Whoami are the questions by which the portal tells the user of a request. All answers
	// must name the same user.
	Whoami []Whoami `json:"whoami,omitempty"`
	// User is a placeholder with the user's id, for a gate behind an authentication in Caddy.
	// It excludes Whoami.
	User string `json:"user,omitempty"`

	// Rotates is the operator's promise that the portal changes a cookie at every sign-in and
	// change of user, and that the session of the old cookie never becomes signed in.
	Rotates *bool `json:"rotates,omitempty"`
	// Watch is which responses are checked while a visit is anonymous: "all" (default) or
	// "unsafe", only those to unsafe methods.
	Watch string `json:"watch,omitempty"`

	SignIn  []SignIn `json:"sign_in,omitempty"`
	SignOut []string `json:"sign_out,omitempty"`

	// Public, Deny, Guest and Trust are lists of Caddy matcher sets. A list applies to a
	// request if one of its sets matches.
	Public []MatcherSet `json:"public,omitempty"`
	Deny   []MatcherSet `json:"deny,omitempty"`
	Guest  []MatcherSet `json:"guest,omitempty"`
	Trust  []MatcherSet `json:"trust,omitempty"`

	// Assist puts the assist script into the portal's pages; see docs/single-page.md.
	Assist bool `json:"assist,omitempty"`
	// Link are links to the settings page in the portal's own pages.
	Link []Link `json:"link,omitempty"`

	// Require is who must have a second factor: "optional" (default) or "always".
	Require string `json:"require,omitempty"`
	// Mode is "enforce" (default) or "observe": all requests are forwarded unchanged, and the
	// report counts what the gate would have done.
	Mode string `json:"mode,omitempty"`
	// Session is the life of a clearance.
	Session *Session `json:"session,omitempty"`
	// Recheck is how long an answer of whoami about a user is used. Default 60s; with 0 each
	// request asks.
	Recheck *Duration `json:"recheck,omitempty"`
	// Settle is the time after a request that may have changed who is signed in, during which
	// no answer is kept, because portals may save a sign-in after their response. Default 2s,
	// at most 60s.
	Settle *Duration `json:"settle,omitempty"`

	TOTP *TOTP `json:"totp,omitempty"`
	// EnrolMail is "on" or "off". With "on", the first set-up of a second factor requires a
	// code that is sent to the e-mail address that whoami names. Default: "on" if a mail server
	// is configured and a whoami has email.
	EnrolMail string `json:"enrol_mail,omitempty"`
	// BackupCodes is how many backup codes a set has, 4 to 20. Default 10.
	BackupCodes int       `json:"backup_codes,omitempty"`
	Throttle    *Throttle `json:"throttle,omitempty"`
	Brand       *Brand    `json:"brand,omitempty"`
	// Support is shown to users who are locked out: an e-mail address, a telephone number or a URL.
	Support string `json:"support,omitempty"`
}

// MatcherSet is one Caddy matcher set in JSON. It maps the name of each matcher to its
// configuration.
type MatcherSet map[string]json.RawMessage

// Credential is one declared credential; exactly one field is set.
type Credential struct {
	Header string `json:"header,omitempty"`
	Query  string `json:"query,omitempty"`
}

// Whoami is one question to the portal.
type Whoami struct {
	// URI is the path and query of the page to request.
	URI string `json:"uri"`
	// First is a request before the question; the value extracted from its response replaces
	// {first} in Header.
	First *First `json:"first,omitempty"`
	// Header are the headers of the question.
	Header map[string]string `json:"header,omitempty"`
	// Anonymous are the signs that no user is signed in; one of them is enough.
	Anonymous []Sign `json:"anonymous,omitempty"`
	// User extracts the canonical id.
	User *Extractor `json:"user,omitempty"`
	// Name and Email are optional and never identify a user.
	Name  *Extractor `json:"name,omitempty"`
	Email *Extractor `json:"email,omitempty"`
	// Apart is true if this part of the portal has a sign-in of its own. A user who is signed
	// in elsewhere may then be anonymous here.
	Apart bool `json:"apart,omitempty"`
	// Normalize lists the conversions of the id, in order: lower, nfkc, trim.
	Normalize []string `json:"normalize,omitempty"`
}

// First is a request for a value that the question needs, such as an anti-forgery token. If its
// response has one of the signs in Anonymous, the answer is anonymous and the question is not
// sent, for endpoints that give tokens to users only. If it has neither a sign nor exactly one
// value, the answer is unknown.
type First struct {
	URI     string    `json:"uri"`
	Extract Extractor `json:"extract"`
}

// Sign is a positive sign in a response that no user is signed in, or that a sign-in failed.
// Exactly one of Redirect, Status, HTML, JSON and Regex is set; or HTML with JSON or Regex,
// which are then applied to the text of the element, or to its attribute Attr.
type Sign struct {
	// Redirect is a glob that the Location of a 3xx response matches.
	Redirect string `json:"redirect,omitempty"`
	Status   []int  `json:"status,omitempty"`
	// HTML is a CSS selector that must match an element.
	HTML string `json:"html,omitempty"`
	Attr string `json:"attr,omitempty"`
	// JSON is a path that must exist, with the value Value if that is set.
	JSON  string  `json:"json,omitempty"`
	Value *string `json:"value,omitempty"`
	Regex string  `json:"regex,omitempty"`
}

// Extractor extracts values from a response. Exactly one of HTML, JSON, Regex and Header is
// set; or HTML with JSON or Regex, which are then applied to the text of the element, or to its
// attribute Attr.
type Extractor struct {
	// HTML is a CSS selector; the value is the attribute Attr, or the element's text.
	HTML string `json:"html,omitempty"`
	Attr string `json:"attr,omitempty"`
	JSON string `json:"json,omitempty"`
	// Regex is a regular expression with one group.
	Regex  string `json:"regex,omitempty"`
	Header string `json:"header,omitempty"`
	// Not lists values that mean no user, such as "0"; they are ignored.
	Not []string `json:"not,omitempty"`
}

// SignIn describes a sign-in of the portal. Requests to its paths, and any request with one of
// its form fields, are treated as sign-ins.
type SignIn struct {
	Paths []string `json:"paths,omitempty"`
	// Page is the URI of the page with the form. Username and Password are the names of the
	// form's fields.
	Page     string `json:"page,omitempty"`
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
	// Token is the place of a bearer token in the responses of these paths. The portal takes
	// the token in the header Site.TokenHeader.
	Token *Token `json:"token,omitempty"`
	// Failed are the signs that a sign-in failed, or that the request was no sign-in. A
	// response without a token is released only if it has one of them. Default: a status of
	// 400 to 499.
	Failed []Sign `json:"failed,omitempty"`
}

// Token is the place of a bearer token in a response.
type Token struct {
	// JSON is a path to it, as in Extractor.
	JSON string `json:"json,omitempty"`
}

// Session is the life of a clearance: Life at most, and Idle without a request. Defaults: 12h,
// 30m.
type Session struct {
	Life Duration `json:"life,omitempty"`
	Idle Duration `json:"idle,omitempty"`
}

// TOTP are the parameters of new authenticators (RFC 6238). Defaults: 6 digits,
// 30s, SHA1, skew 1.
type TOTP struct {
	Digits    int      `json:"digits,omitempty"`
	Period    Duration `json:"period,omitempty"`
	Algorithm string   `json:"algorithm,omitempty"`
	// Skew is the number of time steps before and after the current one of which codes are
	// accepted: 0 or 1.
	Skew *int `json:"skew,omitempty"`
}

// Throttle are the waiting times after wrong codes. Defaults: free 5, wait 30s,
// max 15m, stop 100, address 30/10m.
type Throttle struct {
	// Free is the number of failures in a row without a waiting time.
	Free *int `json:"free,omitempty"`
	// Wait is the first waiting time; it doubles with every failure up to Max.
	Wait Duration `json:"wait,omitempty"`
	Max  Duration `json:"max,omitempty"`
	// Stop is the number of failures in a row that turns a factor off; at most 100 (NIST SP
	// 800-63B).
	Stop int `json:"stop,omitempty"`
	// Address limits the failures from one IP address (IPv6: one /64).
	Address *Rate `json:"address,omitempty"`
}

// Rate is a maximum number within a time.
type Rate struct {
	Count int      `json:"count,omitempty"`
	Per   Duration `json:"per,omitempty"`
}

// Brand is how the pages look.
type Brand struct {
	Name string `json:"name,omitempty"`
	// Logo and CSS are files on the server.
	Logo   string `json:"logo,omitempty"`
	CSS    string `json:"css,omitempty"`
	Accent Colour `json:"accent,omitempty"`
}

// Colour is a CSS colour in hexadecimal, #rgb or #rrggbb.
type Colour string
