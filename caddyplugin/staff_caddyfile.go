package caddyplugin

import (
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/secondgate/secondgate/config"
)

func init() {
	httpcaddyfile.RegisterHandlerDirective("two_factor_admin", parseStaff)
	// After every authentication, and after two_factor, which stands right behind
	// forward_auth.
	httpcaddyfile.RegisterDirectiveOrder("two_factor_admin", httpcaddyfile.Before, "request_header")
}

// parseStaff reads a two_factor_admin directive:
//
//	two_factor_admin [<matcher>] {
//		realm NAME...
//		staff {PLACEHOLDER}
//		act   NAME|@MATCHER|*...
//		view  NAME|@MATCHER|*...
//	}
//
// Everything is optional. Nothing is resolved here.
func parseStaff(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	p := &siteParser{Helper: h, where: make(map[string]caddyfile.Token), directive: "two_factor_admin"}
	p.Next()
	if args := p.RemainingArgs(); len(args) > 0 {
		return nil, p.Errf("two_factor_admin takes no argument but a matcher; %q belongs into a block: two_factor_admin { … }", strings.Join(args, " "))
	}
	s := new(StaffHandler)
	known := table{
		"realm": {usage: "realm NAME...", parse: p.list(&s.Realms)},
		"staff": {usage: "staff {PLACEHOLDER}", parse: p.staffName(&s.Staff)},
		"act":   {usage: "act NAME|@MATCHER|*...", parse: p.staffRule(&s.Act)},
		"view":  {usage: "view NAME|@MATCHER|*...", parse: p.staffRule(&s.View)},
	}
	if err := p.block("", known); err != nil {
		return nil, err
	}
	if p.Next() {
		return nil, p.Errf("unexpected %q after the block of two_factor_admin; want one subdirective a line", p.Val())
	}
	return s, nil
}

func (p *siteParser) staffName(to *string) func() error {
	return func() error {
		if !p.AllArgs(to) {
			return errArguments
		}
		if err := checkStaff(*to); err != nil {
			return problemf("%w", err)
		}
		return nil
	}
}

// staffRule reads names of staff, matchers by their @name, and * for everybody.
func (p *siteParser) staffRule(to **StaffRule) func() error {
	return func() error {
		rule := new(StaffRule)
		for p.CountRemainingArgs() > 0 {
			if err := p.staffWord(rule); err != nil {
				return err
			}
		}
		if !rule.Everybody && len(rule.Names) == 0 && len(rule.Match) == 0 {
			return errArguments
		}
		*to = rule
		return nil
	}
}

func (p *siteParser) staffWord(rule *StaffRule) error {
	p.NextArg()
	switch word := p.Val(); {
	case word == "":
		return problemf("an empty name; want names of staff, @MATCHER or *")
	case word == "*":
		rule.Everybody = true
	case strings.HasPrefix(word, "@"):
		p.Prev()
		set, _, err := p.MatcherToken()
		if err != nil {
			return problemf("%w; want a matcher that this site defines", err)
		}
		rule.Match = append(rule.Match, config.MatcherSet(set))
	case strings.HasPrefix(word, "/"):
		return problemf("%q is a path; want names of staff, @MATCHER or *", word)
	default:
		rule.Names = append(rule.Names, word)
	}
	return nil
}
