package caddyplugin

import (
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/portal/exempt"
)

// parsePortal reads:
//
//	portal PRESET {
//		without SUBDIRECTIVE [VALUE...]    # repeatable
//	}
func (p *siteParser) parsePortal() error {
	if err := p.text(&p.site.Portal)(); err != nil {
		return err
	}
	return p.block("portal", table{
		"without": {usage: "without SUBDIRECTIVE [VALUE...], for example without deny /xmlrpc.php", parse: p.parseWithout, many: true},
	})
}

// parseWithout reads what is taken away from the preset.
func (p *siteParser) parseWithout() error {
	token := p.Token()
	args := p.RemainingArgs()
	if len(args) == 0 {
		return errArguments
	}
	if _, again := p.site.Without[args[0]]; again {
		return problemf("%s is taken away again; want all its values on one line", args[0])
	}
	if p.site.Without == nil {
		p.site.Without = make(config.Without)
	}
	p.site.Without[args[0]] = args[1:]
	p.where["without."+args[0]] = token
	return nil
}

// parseCredential reads credential header|query NAME.
func (p *siteParser) parseCredential() error {
	p.where[fmt.Sprintf("credential.%d", len(p.site.Credential))] = p.Token()
	var kind, name string
	if !p.AllArgs(&kind, &name) {
		return errArguments
	}
	switch kind {
	case "header":
		p.site.Credential = append(p.site.Credential, config.Credential{Header: name})
	case "query":
		p.site.Credential = append(p.site.Credential, config.Credential{Query: name})
	default:
		return problemf("%q is not a kind of credential; want header or query", kind)
	}
	return nil
}

func (p *siteParser) parseRotates() error {
	if p.NextArg() {
		return errArguments
	}
	yes := true
	p.site.Rotates = &yes
	return nil
}

// parseSignIn reads:
//
//	sign_in [PATH...] {
//		page     URI
//		username FIELD
//		password FIELD
//		token    json PATH
//		failed   SIGN    # repeatable; as anonymous of parseWhoami
//	}
func (p *siteParser) parseSignIn() error {
	outer := fmt.Sprintf("sign_in.%d", len(p.site.SignIn))
	p.where[outer] = p.Token()
	s := config.SignIn{Paths: p.RemainingArgs()}
	err := p.block(outer, table{
		"page":     {usage: "page URI", parse: p.text(&s.Page)},
		"username": {usage: "username FIELD", parse: p.text(&s.Username)},
		"password": {usage: "password FIELD", parse: p.text(&s.Password)},
		"token":    {usage: "token json PATH", parse: p.token(&s.Token)},
		"failed":   {usage: "failed" + signUsage, parse: p.signs(outer+".failed", &s.Failed), many: true},
	})
	p.site.SignIn = append(p.site.SignIn, s)
	return err
}

// token reads json PATH.
func (p *siteParser) token(to **config.Token) func() error {
	return func() error {
		var kind, path string
		if !p.AllArgs(&kind, &path) {
			return errArguments
		}
		if kind != "json" {
			return problemf("%q does not lead to a token; want json", kind)
		}
		*to = &config.Token{JSON: path}
		return nil
	}
}

// matchers reads arguments that are each a path, with Caddy's wildcards, or the name
// of a matcher of the site.
func (p *siteParser) matchers(to *[]config.MatcherSet) func() error {
	return func() error {
		for p.CountRemainingArgs() > 0 {
			set, err := p.matcher()
			if err != nil {
				return err
			}
			*to = append(*to, config.MatcherSet(set))
		}
		if len(*to) == 0 {
			return errArguments
		}
		return nil
	}
}

// matcher reads the next argument, and refuses what can't be decided about. The
// settings are validated again as a whole, but there a matcher has lost its name and
// line. MatcherToken's own error has no line.
func (p *siteParser) matcher() (caddy.ModuleMap, error) {
	set, ok, err := p.MatcherToken()
	if err != nil {
		return nil, problemf("%w; want a matcher that this site defines, or a path", err)
	}
	if !ok {
		return nil, problemf("%q is neither a path nor a matcher; want for example /%s or @name", p.Val(), p.Val())
	}
	err = exempt.Check(set)
	if err != nil && strings.HasPrefix(p.Val(), "@") {
		return nil, problemf("%s: %w", p.Val(), err)
	}
	if err != nil {
		return nil, problemf("%w", err)
	}
	return set, nil
}
