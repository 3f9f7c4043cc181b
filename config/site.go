// Package config holds the operator's settings: their types, defaults and validation, and the
// presets that fill them in.
//
// Settings that pass Validate are complete: no other package checks again whether a value is
// present and makes sense. The package knows nothing of Caddy: the JSON here is the JSON of the handler, and caddyplugin/caddyfile
// reads Caddyfiles into these structs, by the rows of [SiteRows].
package config

import "encoding/json"

// Site is one `two_factor` handler: one portal behind one gate. The JSON names are
// those of the Caddyfile's subdirectives.
type Site struct {
	// Realm is the name space of users. Default: "default".
	Realm string `json:"realm,omitempty"`
	// Issuer is shown in the authenticator app and on the pages. Default: the brand's name, or the request's host.
	Issuer string `json:"issuer,omitempty"`
	// Path is where the own pages live. Default: /two-factor.
	Path string `json:"path,omitempty"`
	// Portal names a preset. Its settings fill in what is not set here.
	Portal string `json:"portal,omitempty"`
	// Without takes settings of the preset away: {"deny": ["/xmlrpc.php"]}.
	Without Without `json:"without,omitempty"`

	// Leave lists names (globs with *) of cookies that the portal's scripts must
	// read; they are not sealed, and count as credentials.
	Leave []string `json:"leave,omitempty"`
	// Credential declares headers and query parameters that whoami understands.
	Credential []Credential `json:"credential,omitempty"`

	// Whoami are the questions that tell which user's credentials a request carries. All must agree.
	Whoami []Whoami `json:"whoami,omitempty"`
	// User is a placeholder that names the user, behind another authenticator in
	// Caddy; then there is no Whoami.
	User string `json:"user,omitempty"`

	// Rotates says that every sign-in and every change of user changes a cookie, and
	// that the session the old cookie names never becomes signed in.
	Rotates *bool `json:"rotates,omitempty"`
	// Watch is which responses are judged while a visit is anonymous: "all" (default) or "unsafe".
	Watch string `json:"watch,omitempty"`

	SignIn  []SignIn `json:"sign_in,omitempty"`
	SignOut []string `json:"sign_out,omitempty"`

	// Public, Deny, Guest and Trust are Caddy matcher sets, any of which may match.
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
	// Mode is "enforce" (default), or "observe": everything is forwarded as it comes, and
	// what the gate would have done is counted for the report.
	Mode string `json:"mode,omitempty"`
	// Session is the life of a clearance.
	Session *Session `json:"session,omitempty"`
	// Recheck is how long whoami's answer about a user is believed. Default 60s; 0 asks every time.
	Recheck *Duration `json:"recheck,omitempty"`
	// Settle is for how long after a request that may have changed who is signed in no
	// answer is kept, because portals may commit a sign-in after their response. Default
	// 2s, at most 60s.
	Settle *Duration `json:"settle,omitempty"`

	TOTP *TOTP `json:"totp,omitempty"`
	// EnrolMail says whether a user's first set-up waits for a code that is sent to the
	// e-mail address that whoami names: on or off. Default: on where mails can be sent
	// and a whoami has email.
	EnrolMail string `json:"enrol_mail,omitempty"`
	// BackupCodes is how many backup codes a set has, 4 to 20. Default 10.
	BackupCodes int       `json:"backup_codes,omitempty"`
	Throttle    *Throttle `json:"throttle,omitempty"`
	Brand       *Brand    `json:"brand,omitempty"`
	// Support is shown to users who are locked out: an e-mail address, a telephone number or a URL.
	Support string `json:"support,omitempty"`
}

// MatcherSet is one Caddy matcher set in JSON: matcher name to its configuration.
type MatcherSet map[string]json.RawMessage

// Credential is one declared credential; exactly one field is set.
type Credential struct {
	Header string `json:"header,omitempty"`
	Query  string `json:"query,omitempty"`
}

// Whoami is one question to the portal.
type Whoami struct {
	// URI is the path and query that is asked.
	URI string `json:"uri"`
	// First is asked before it, and what it yields replaces {first} in Header.
	First *First `json:"first,omitempty"`
	// Header is set on the question.
	Header map[string]string `json:"header,omitempty"`
	// Anonymous are the signs that no user is signed in; one of them is enough.
	Anonymous []Sign `json:"anonymous,omitempty"`
	// User yields the canonical id.
	User *Extractor `json:"user,omitempty"`
	// Name and Email are optional and never identify anybody.
	Name  *Extractor `json:"name,omitempty"`
	Email *Extractor `json:"email,omitempty"`
	// Apart says that this part of the portal has a sign-in of its own, so that a user who
	// is signed in elsewhere may be a stranger here.
	Apart bool `json:"apart,omitempty"`
	// Normalize lists, in order, what is done to the id: lower, nfkc, trim.
	Normalize []string `json:"normalize,omitempty"`
}

// First is a request with a result that the question needs, as an anti-forgery token. The
// signs in Anonymous are looked for in its response too: an endpoint that gives
// tokens to users only tells strangers by itself, and then the question is not
// asked. Neither a sign nor exactly one value: the answer is unknown.
type First struct {
	URI     string    `json:"uri"`
	Extract Extractor `json:"extract"`
}

// Sign is one positive sign, that no user is signed in or that a sign-in failed; exactly one of Redirect,
// Status, HTML, JSON and Regex is set, or HTML with JSON or Regex, which then look at
// what the element, or its attribute Attr, holds.
type Sign struct {
	// Redirect is a glob that the Location of a 3xx response matches.
	Redirect string `json:"redirect,omitempty"`
	Status   []int  `json:"status,omitempty"`
	// HTML is a CSS selector that matches something.
	HTML string `json:"html,omitempty"`
	Attr string `json:"attr,omitempty"`
	// JSON is a path that exists, or has Value where that is set.
	JSON  string  `json:"json,omitempty"`
	Value *string `json:"value,omitempty"`
	Regex string  `json:"regex,omitempty"`
}

// Extractor yields values from a response; exactly one of HTML, JSON, Regex and
// Header is set, or HTML with JSON or Regex, which then look at what the element, or
// its attribute, holds.
type Extractor struct {
	// HTML is a CSS selector; the value is the attribute Attr, or the element's text.
	HTML string `json:"html,omitempty"`
	Attr string `json:"attr,omitempty"`
	JSON string `json:"json,omitempty"`
	// Regex is a regular expression with one group.
	Regex  string `json:"regex,omitempty"`
	Header string `json:"header,omitempty"`
	// Not lists placeholders for no user: values that never count.
	Not []string `json:"not,omitempty"`
}

// SignIn hints at where the portal's sign-in is. Its field names make any request
// that carries one of them a sign-in that is judged.
type SignIn struct {
	Paths []string `json:"paths,omitempty"`
	// Page is where the form is. Username and Password are the names of its fields.
	Page     string `json:"page,omitempty"`
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
	// Token is where the response to these paths has the bearer token that whoami then
	// understands in the declared header.
	Token *Token `json:"token,omitempty"`
	// Failed are the signs that a response without a token may be released: the sign-in
	// failed, or the request was none. Any one will do. Default: a status of 400 to 499.
	Failed []Sign `json:"failed,omitempty"`
}

// Token is where a response has a token.
type Token struct {
	// JSON is a path to it, as in Extractor.
	JSON string `json:"json,omitempty"`
}

// Session is the life of a clearance. Defaults: 12h, idle 30m.
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
	// Skew is how many steps to either side are accepted: 0 or 1.
	Skew *int `json:"skew,omitempty"`
}

// Throttle are the waiting times after wrong codes. Defaults: free 5, wait 30s,
// max 15m, stop 100, address 30/10m.
type Throttle struct {
	// Free is how many failures in a row cost nothing.
	Free *int `json:"free,omitempty"`
	// Wait is the first waiting time; it doubles with every failure up to Max.
	Wait Duration `json:"wait,omitempty"`
	Max  Duration `json:"max,omitempty"`
	// Stop is how many failures in a row turn a factor off; at most 100 (NIST SP 800-63B).
	Stop int `json:"stop,omitempty"`
	// Address bounds the failures from one address (IPv6: one /64).
	Address *Rate `json:"address,omitempty"`
}

// Rate is a number in a time.
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
