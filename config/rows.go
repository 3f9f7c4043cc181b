package config

import d "github.com/secondgate/secondgate/internal/directive"

// DefaultRealm is the realm of the only site if it names none.
const DefaultRealm = "default"

// KeepsDefaultRealm is a sentence for errors: which site must keep the default realm when a
// second site is added.
const KeepsDefaultRealm = "write realm default into the site whose customers are enrolled already, mostly the older one, since only that realm has them"

// SiteRows are the subdirectives of two_factor. They determine how a Caddyfile is read and
// written ([Site.Caddyfile]), the defaults, the validation, how a preset is merged, and the
// tables in docs/caddyfile.md (`go generate ./caddyplugin` updates them). A new setting is a
// field of Site and a row here.
var SiteRows = d.Rows{
	{Field: "Realm", Usage: "realm NAME", Default: DefaultRealm,
		Check: d.Unless(realmName.MatchString, "%q is not a name; want up to 64 letters, digits, dots, dashes and underscores, for example shop"),
		Doc:   "The name space of users."},
	{Field: "Issuer", Usage: "issuer NAME", Otherwise: "the `name` of `brand`, or the site's host", Check: d.Valid(validateIssuer),
		Doc: "What authenticator apps show for the account."},
	{Field: "Path", Usage: "path PATH", Default: "/two-factor",
		Check: d.Unless(isOwnPath, "%q cannot hold the own pages; want a path below / without an end slash or wildcards, for example /two-factor"),
		Doc:   "Where Secondgate's own pages are."},
	{Field: "Portal", Usage: "portal PRESET", Otherwise: "none", Block: presetRows, Want: "portal PRESET [{ … }]",
		Doc: "Takes the settings for a known portal."},
	{Field: "User", Usage: "user {PLACEHOLDER}", Otherwise: "none", Preset: d.Whole,
		Doc: "The placeholder with the user's id, if an authentication handler before `two_factor` sets it."},
	{Field: "Whoami", Usage: "whoami URI", Args: "URI", Otherwise: "none", Block: whoamiRows, Preset: d.Whole,
		Doc: "The question to the portal that tells who is signed in. May be repeated."},
	{Field: "SignIn", Usage: "sign_in [PATH...]", Args: "Paths", Otherwise: "none", Block: signInRows, Preset: d.Added, Check: d.Valid(SignIn.validate),
		Doc: "Where users sign in. May be repeated."},
	{Field: "SignOut", Usage: "sign_out PATH...", Otherwise: "none", Preset: d.Added, Check: d.Valid(validateAddress),
		Doc: "Where users sign out."},
	{Field: "Rotates", Usage: "rotates", Otherwise: "not promised", Preset: d.Replaced,
		Doc: "Promises that every sign-in changes a cookie."},
	{Field: "Watch", Usage: "watch all|unsafe", Default: "all", Preset: d.Replaced,
		Doc: "Which responses are checked in visits without a signed-in user."},
	{Field: "Leave", Usage: "leave COOKIE...", Otherwise: "the built-in list", Preset: d.Added, Check: d.Valid(validateLeave),
		Doc: "Cookies that page scripts read, so that they are not sealed."},
	{Field: "Credential", Usage: "credential header|query NAME", Otherwise: "none", Preset: d.Added, Check: d.Valid(Credential.validate),
		Doc: "A header or parameter by which the portal recognises users. May be repeated."},
	{Field: "Public", Usage: "public PATH|@MATCHER...", Otherwise: "the usual assets", Preset: d.Added, Check: d.Valid(MatcherSet.validate),
		Doc: "Pages that are the same for everybody."},
	{Field: "Deny", Usage: "deny PATH|@MATCHER...", Otherwise: "none", Preset: d.Added, Check: d.Valid(MatcherSet.validate),
		Doc: "Pages that are refused with status 403, such as side doors to the portal."},
	{Field: "Guest", Usage: "guest PATH|@MATCHER...", Otherwise: "all that the portal shows them", Check: d.Valid(MatcherSet.validate),
		Doc: "The only pages for visitors who are not signed in."},
	{Field: "Trust", Usage: "trust PATH|@MATCHER...", Otherwise: "none", Check: d.Valid(MatcherSet.validate),
		Doc: "Requests that are forwarded without a second factor."},
	{Field: "Assist", Usage: "assist", Otherwise: "not inserted",
		Doc: "Puts the assist script into the portal's pages."},
	{Field: "Link", Usage: `link SELECTOR [before|after|append] "Text"`, Want: `link SELECTOR [before|after|append] "Text" (a bare # begins a comment, so quote "#menu")`, Otherwise: "none", Check: d.Valid(Link.validate),
		Doc: "Puts a link to the settings page into the portal's pages. May be repeated."},
	{Field: "Require", Usage: "require optional|always", Default: "optional",
		Doc: "Who must have a second factor."},
	{Field: "EnrolMail", Usage: "enrol_mail on|off", Otherwise: "`on` where mails can be sent",
		Doc: "Whether the first set-up waits for a code that is sent by email."},
	{Field: "Session", Usage: "session LIFE [idle IDLE]", Otherwise: "`12h idle 30m`", Check: d.Valid(Session.validate),
		Doc: "How long a browser needs no new code: after a code, and (`idle`) after its last request. Each from `1m` to `400d`."},
	{Field: "Recheck", Usage: "recheck DURATION", Default: "60s", Least: "0s", Most: "1h", Zero: "to ask with every request",
		Doc: "How long an answer of `whoami` about a user is used."},
	{Field: "Settle", Usage: "settle DURATION", Default: "2s", Least: "0s", Most: "1m", Zero: "to keep answers at once",
		Doc: "How late a portal may commit a sign-in after its response."},
	{Field: "TOTP", Usage: "totp", Block: totpRows,
		Doc: "What authenticator apps are set up with."},
	{Field: "BackupCodes", Usage: "backup_codes COUNT", Default: "10", Least: "4", Most: "20",
		Doc: "How many backup codes a set has."},
	{Field: "Throttle", Usage: "throttle", Block: throttleRows, Check: d.Valid(Throttle.validate),
		Doc: "How wrong codes are limited."},
	{Field: "Brand", Usage: "brand", Otherwise: "neutral", Block: brandRows,
		Doc: "How the pages look."},
	{Field: "Support", Usage: "support CONTACT", Otherwise: "none", Check: d.Valid(validateSupport),
		Doc: "The contact that is shown to users who are locked out."},
	{Field: "Mode", Usage: "mode enforce|observe", Default: "enforce",
		Doc: "Whether the gate acts, or only counts what it would do."},
}

// Notes are comments for [Site.Caddyfile]. Each is written above the setting with its path.
type Notes = d.Notes

// Caddyfile returns the settings as a two_factor directive for a site block, indented by one
// tab: first the named matchers that the directive needs, then the directive with the notes as
// comments. It is the inverse of the reader in caddyplugin/caddyfile: reading it gives the same
// settings, with the realm "default" if none is named.
//
// It writes only what is set, not the preset's settings or defaults. The settings must be ones
// that Resolved accepts. It returns an error for the few that can't be written: texts with
// {$NAME} or a shorthand such as {host}, which Caddy would replace, and matchers that
// writeMatcher does not know.
func (s Site) Caddyfile(notes Notes) (string, error) {
	return d.Write("two_factor", SiteRows, &s, notes)
}

// presetRows are the block of `portal`. They set fields of Site itself.
var presetRows = d.Rows{
	{Field: "Without", Usage: "without SUBDIRECTIVE [VALUE...]", Want: "without SUBDIRECTIVE [VALUE...], for example without deny /xmlrpc.php",
		Doc: "Leaves settings of the preset out. May be repeated."},
}

const (
	quote         = ` (a bare # begins a comment, so quote "#id")`
	signWant      = " redirect GLOB | status CODE... | html SELECTOR [[ATTR] json PATH [VALUE] | regex RE] | json PATH [VALUE] | regex RE" + quote
	extractorWant = " html SELECTOR [ATTR] [json PATH | regex RE] | json PATH | regex RE | header NAME, then optionally not VALUE..." + quote
)

var whoamiRows = d.Rows{
	{Field: "First", Usage: "first URI EXTRACTOR", Want: `first URI EXTRACTOR, for example first /nonce regex "token=([a-z0-9]+)"`, Block: firstRows,
		Doc: "A request before the question. The value extracted from its response replaces `{first}` in a `header`."},
	{Field: "Header", Usage: "header NAME VALUE",
		Doc: "A header of the question. May be repeated."},
	{Field: "Anonymous", Usage: "anonymous SIGN", Want: "anonymous" + signWant, Check: d.Valid(Sign.validate),
		Doc: "How to recognise the response to a visitor who is not signed in. Required; may be repeated."},
	{Field: "User", Usage: "user EXTRACTOR [not VALUE...]", Want: "user" + extractorWant, Check: d.Valid(Extractor.validate),
		Doc: "Where the response has the user's canonical id. Required."},
	{Field: "Name", Usage: "name EXTRACTOR [not VALUE...]", Want: "name" + extractorWant, Check: d.Valid(Extractor.validate),
		Doc: "Where the response has the user's name. It is only displayed."},
	{Field: "Email", Usage: "email EXTRACTOR [not VALUE...]", Want: "email" + extractorWant, Check: d.Valid(Extractor.validate),
		Doc: "Where the response has the user's email address."},
	{Field: "Apart", Usage: "apart",
		Doc: "This part of the portal has a sign-in of its own."},
	{Field: "Normalize", Usage: "lower", Word: true,
		Doc: "Converts the id to lower case."},
	{Field: "Normalize", Usage: "nfkc", Word: true,
		Doc: "Converts the id to the Unicode form NFKC."},
	{Field: "Normalize", Usage: "trim", Word: true,
		Doc: "Removes spaces around the id."},
}

var firstRows = d.Rows{
	{Field: "Extract", Usage: "html SELECTOR [ATTR] [json PATH | regex RE]", Word: true},
	{Field: "Extract", Usage: "json PATH", Word: true},
	{Field: "Extract", Usage: "regex RE", Word: true},
	{Field: "Extract", Usage: "header NAME", Word: true},
}

var signInRows = d.Rows{
	{Field: "Page", Usage: "page URI", Otherwise: "none", Check: d.Valid(validateURI),
		Doc: "The page with the form."},
	{Field: "Username", Usage: "username FIELD", Otherwise: "none", Check: d.Valid(validateField),
		Doc: "The name of the form's field for the user."},
	{Field: "Password", Usage: "password FIELD", Otherwise: "none", Check: d.Valid(validateField),
		Doc: "The name of the form's field for the password."},
	{Field: "Token", Usage: "token json PATH", Otherwise: "none",
		Doc: "Where the response has a bearer token."},
	{Field: "Failed", Usage: "failed SIGN", Want: "failed" + signWant, Otherwise: "a status from 400 to 499",
		Doc: "How to recognise the response to a failed sign-in. May be repeated."},
}

// Digits and skew are limited to what authenticator apps support and RFC 6238, section 5.2,
// recommends.
var totpRows = d.Rows{
	{Field: "Digits", Usage: "digits 6|8", Default: "6", Check: d.Unless(func(n int) bool { return n == 6 || n == 8 }, "%d digits are not what apps show; want 6 or 8"),
		Doc: "How many digits a code has."},
	{Field: "Period", Usage: "period DURATION", Default: "30s", Least: "15s", Most: "2m",
		Check: d.Unless(func(p Duration) bool { return p%seconds(1) == 0 }, "%s is not a whole number of seconds; want for example 30s"),
		Doc:   "How long a code is shown, in whole seconds."},
	{Field: "Algorithm", Usage: "algorithm SHA1|SHA256|SHA512", Default: "SHA1",
		Doc: "The hash algorithm of codes."},
	{Field: "Skew", Usage: "skew 0|1", Default: "1", Check: d.Unless(func(n int) bool { return n == 0 || n == 1 }, "%d steps make codes live too long; want 0 or 1"),
		Doc: "How many steps before and after the current one are accepted."},
}

var throttleRows = d.Rows{
	{Field: "Free", Usage: "free COUNT", Otherwise: "`5`, but less than `stop`", Least: "0", Most: "20",
		Doc: "How many failures in a row have no wait."},
	{Field: "Wait", Usage: "wait DURATION", Default: "30s", Least: "1s", Most: "1h",
		Doc: "The first waiting time; it doubles with every further failure."},
	{Field: "Max", Usage: "max DURATION", Otherwise: "`15m`, or `wait` if that is longer", Least: "1s", Most: "24h",
		Doc: "The longest waiting time."},
	{Field: "Stop", Usage: "stop COUNT", Default: "100", Least: "3", Most: "100", // NIST SP 800-63B-4, section 3.2.2
		Doc: "How many failures in a row turn codes off."},
	{Field: "Address", Usage: "address COUNT/DURATION", Default: "30/10m", Check: d.Valid(Rate.validate),
		Doc: "How many failures one IP address may cause within a time."},
}

var brandRows = d.Rows{
	{Field: "Name", Usage: "name NAME", Otherwise: "none", Check: d.Valid(validateLine),
		Doc: "The name of the portal."},
	{Field: "Logo", Usage: "logo FILE", Otherwise: "none", Check: d.Valid(fileOf(".svg", ".png", ".jpg", ".jpeg", ".webp")),
		Doc: "An SVG, PNG, JPEG or WebP file."},
	{Field: "Accent", Usage: "accent COLOUR", Want: `accent COLOUR, written 0a5 or "#0a5" (a bare # begins a comment)`, Otherwise: "blue",
		Check: d.Unless(Colour.isHex, "%q is not a colour in hexadecimal; want #rgb or #rrggbb, for example #0a5"),
		Doc:   "A colour in hexadecimal."},
	{Field: "CSS", Usage: "css FILE", Otherwise: "none", Check: d.Valid(fileOf(".css")),
		Doc: "A style sheet that is added after Secondgate's."},
}
