package caddyplugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/config"
)

func init() {
	httpcaddyfile.RegisterDirective("two_factor", parseDirective)
	// After the rewrites and the other authenticators, before everything that
	// routes or answers.
	httpcaddyfile.RegisterDirectiveOrder("two_factor", httpcaddyfile.After, "forward_auth")
	httpcaddyfile.RegisterGlobalOption("two_factor", parseGlobal)
}

// parseDirective makes the route of a two_factor directive.
func parseDirective(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	if !h.Next() {
		return nil, h.ArgErr()
	}
	at := h.Token()
	matchers, err := h.ExtractMatcherSet()
	if err != nil {
		return nil, err
	}
	site, err := parseSite(h)
	if err != nil {
		return nil, err
	}
	if site.Realm, err = nameRealm(h, site.Realm, at); err != nil {
		return nil, err
	}
	if leavesOut(matchers) {
		caddy.Log().Named("config.adapter.caddyfile").Warn("two_factor has a matcher: requests that it leaves out are not gated at all, and sign-ins among them pass without a second factor; gate the whole site, and make exceptions with public, guest and trust",
			zap.String("file", at.File), zap.Int("line", at.Line))
	}
	return h.NewRoute(matchers, &Handler{Site: site, Admin: adminOf(h), Source: fmt.Sprintf("%s:%d", at.File, at.Line)}), nil
}

// leavesOut reports whether the matchers before a directive's block leave requests out.
func leavesOut(matchers caddy.ModuleMap) bool {
	var paths []string
	if len(matchers) == 1 && json.Unmarshal(matchers["path"], &paths) == nil {
		return !slices.Contains(paths, "/*") && !slices.Contains(paths, "*")
	}
	return len(matchers) > 0
}

// parseSite reads a two_factor directive:
//
//	two_factor [<matcher>] {
//		realm        NAME
//		issuer       NAME
//		path         PATH
//		portal       PRESET [{ … }]       # see parsePortal
//		leave        COOKIE...
//		credential   header|query NAME
//		whoami       URI { … }            # see parseWhoami
//		user         {PLACEHOLDER}
//		rotates
//		watch        all|unsafe
//		sign_in      [PATH...] [{ … }]    # see parseSignIn
//		sign_out     PATH...
//		public       PATH|@MATCHER...     # and deny, guest, trust
//		assist
//		link         SELECTOR [before|after|append] TEXT
//		require      optional|always
//		session      LIFE [idle IDLE]
//		recheck      DURATION
//		settle       DURATION
//		totp         { … }                # see parseTOTP
//		backup_codes COUNT
//		enrol_mail   on|off
//		throttle     { … }                # see parseThrottle
//		brand        { … }                # see parseBrand
//		support      CONTACT
//		mode         enforce|observe
//	}
//
// Only whoami, credential, sign_in and link may be repeated. Nothing is resolved here:
// placeholders stay as they are written. The settings are validated, so that what is
// wrong with them is told with file and line.
func parseSite(h httpcaddyfile.Helper) (config.Site, error) {
	p := &siteParser{Helper: h, where: make(map[string]caddyfile.Token), directive: "two_factor"}
	p.Next()
	start := p.Token()
	if args := p.RemainingArgs(); len(args) > 0 {
		return p.site, p.Errf("two_factor takes no argument but a matcher; %q belongs into a block: two_factor { … }", strings.Join(args, " "))
	}
	if err := p.block("", p.siteTable()); err != nil {
		return p.site, err
	}
	if p.Next() {
		return p.site, p.Errf("unexpected %q after the block of two_factor; want one subdirective a line", p.Val())
	}
	if _, err := p.site.Resolved(); err != nil {
		return p.site, p.locate(err, start)
	}
	return p.site, nil
}

// siteParser fills site. where remembers the token of each setting by the path that
// config.Error names it with.
type siteParser struct {
	httpcaddyfile.Helper
	site  config.Site
	where map[string]caddyfile.Token
	// directive is the one whose block is read.
	directive string
}

// entry is one subdirective: how it is written, whether it may be repeated, and what
// reads its arguments.
type entry struct {
	usage string
	many  bool
	parse func() error
}

// table is what a block may hold, by the subdirectives' names.
type table map[string]entry

func (p *siteParser) siteTable() table {
	s := &p.site
	return table{
		"realm":        {usage: "realm NAME", parse: p.text(&s.Realm)},
		"issuer":       {usage: "issuer NAME", parse: p.text(&s.Issuer)},
		"path":         {usage: "path PATH", parse: p.text(&s.Path)},
		"portal":       {usage: "portal PRESET [{ … }]", parse: p.parsePortal},
		"leave":        {usage: "leave COOKIE...", parse: p.list(&s.Leave)},
		"credential":   {usage: "credential header|query NAME", parse: p.parseCredential, many: true},
		"whoami":       {usage: "whoami URI { … }", parse: p.parseWhoami, many: true},
		"user":         {usage: "user {PLACEHOLDER}", parse: p.text(&s.User)},
		"rotates":      {usage: "rotates", parse: p.parseRotates},
		"watch":        {usage: "watch all|unsafe", parse: p.text(&s.Watch)},
		"sign_in":      {usage: "sign_in [PATH...] [{ … }]", parse: p.parseSignIn, many: true},
		"sign_out":     {usage: "sign_out PATH...", parse: p.list(&s.SignOut)},
		"public":       {usage: "public PATH|@MATCHER...", parse: p.matchers(&s.Public)},
		"deny":         {usage: "deny PATH|@MATCHER...", parse: p.matchers(&s.Deny)},
		"guest":        {usage: "guest PATH|@MATCHER...", parse: p.matchers(&s.Guest)},
		"trust":        {usage: "trust PATH|@MATCHER...", parse: p.matchers(&s.Trust)},
		"assist":       {usage: "assist", parse: p.flag(&s.Assist)},
		"link":         {usage: linkUsage, parse: p.parseLink, many: true},
		"require":      {usage: "require optional|always", parse: p.text(&s.Require)},
		"enrol_mail":   {usage: "enrol_mail on|off", parse: p.text(&s.EnrolMail)},
		"session":      {usage: "session LIFE [idle IDLE]", parse: p.parseSession},
		"recheck":      {usage: "recheck DURATION", parse: p.durationOrZero(&s.Recheck)},
		"settle":       {usage: "settle DURATION", parse: p.durationOrZero(&s.Settle)},
		"totp":         {usage: "totp { … }", parse: p.parseTOTP},
		"backup_codes": {usage: "backup_codes COUNT", parse: p.count(&s.BackupCodes)},
		"throttle":     {usage: "throttle { … }", parse: p.parseThrottle},
		"brand":        {usage: "brand { … }", parse: p.parseBrand},
		"support":      {usage: "support CONTACT", parse: p.text(&s.Support)},
		"mode":         {usage: "mode enforce|observe", parse: p.text(&s.Mode)},
	}
}

// block reads a block whose settings lie below the path outer. What is not in known,
// or is there again, is an error.
func (p *siteParser) block(outer string, known table) error {
	last := p.directive
	if outer != "" {
		last = outer
	}
	for nesting := p.Nesting(); p.NextBlock(nesting); {
		name := p.Val()
		e, ok := known[name]
		if !ok {
			return p.unknown(name, last, known)
		}
		path := strings.TrimPrefix(outer+"."+name, ".")
		if earlier, again := p.where[path]; again && !e.many {
			return p.Errf("%s is given again, after line %d; want it once (a list takes all its values on one line)", name, earlier.Line)
		}
		p.where[path] = p.Token()
		if err := e.parse(); err != nil {
			return p.explain(err, name, e.usage)
		}
		last = name
	}
	return nil
}

// parseBlockOnly reads a subdirective that is nothing but a block.
func (p *siteParser) parseBlockOnly(name string, known table) error {
	if p.CountRemainingArgs() > 0 || !p.opensBlock() {
		return errArguments
	}
	return p.block(name, known)
}

func (p *siteParser) opensBlock() bool {
	if !p.Next() {
		return false
	}
	opens := p.Val() == "{"
	p.Prev()
	return opens
}

// errArguments says that the number or kind of arguments is wrong; block explains
// it with the subdirective's usage.
var errArguments = errors.New("arguments")

// problem is an error that block still has to say the place of.
type problem struct{ error }

func problemf(format string, args ...any) error { return problem{fmt.Errorf(format, args...)} }

// explain adds the subdirective, its usage, the file and the line, unless an inner
// block has done so.
func (p *siteParser) explain(err error, name, usage string) error {
	var here problem
	switch {
	case errors.Is(err, errArguments):
		p.NextArg() // one too many, where there is one
		return p.Errf("%s: wrong arguments near %q; want: %s", name, p.Val(), usage)
	case errors.As(err, &here):
		return p.Errf("%s: %w", name, here.error)
	}
	return err
}

// locate adds the file and line of the setting that err is about, or of the
// directive where the Caddyfile does not mention it.
func (p *siteParser) locate(err error, directive caddyfile.Token) error {
	token := directive
	var bad *config.Error
	if errors.As(err, &bad) {
		token = p.tokenOf(bad.Where, directive)
	}
	return tokenError(token, "%w", err)
}

func (p *siteParser) tokenOf(path string, fallback caddyfile.Token) caddyfile.Token {
	for path != "" {
		if token, ok := p.where[path]; ok {
			return token
		}
		path = path[:max(strings.LastIndexByte(path, '.'), 0)]
	}
	return fallback
}

// names lists what a block may hold, for error messages.
func (t table) names() []string {
	names := make([]string, 0, len(t))
	for name := range t {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
