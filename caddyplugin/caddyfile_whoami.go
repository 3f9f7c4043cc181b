package caddyplugin

import (
	"fmt"
	"strconv"

	"github.com/secondgate/secondgate/config"
)

// parseWhoami reads:
//
//	whoami URI {
//		first     URI [EXTRACTOR] [{ EXTRACTOR }]
//		header    NAME VALUE            # repeatable; {first} is what first yielded
//		anonymous redirect GLOB | status CODE... | html SELECTOR [[ATTR] json PATH [VALUE] | regex RE] | json PATH [VALUE] | regex RE    # repeatable
//		user      EXTRACTOR [not VALUE...]
//		name      EXTRACTOR [not VALUE...]
//		email     EXTRACTOR [not VALUE...]
//		apart                           # this part of the portal has a sign-in of its own
//		lower                           # and nfkc, trim: in the order in which they are given
//	}
//
// where EXTRACTOR is html SELECTOR [ATTR] [json PATH | regex RE] | json PATH | regex RE | header NAME.
func (p *siteParser) parseWhoami() error {
	outer := fmt.Sprintf("whoami.%d", len(p.site.Whoami))
	p.where[outer] = p.Token()
	var w config.Whoami
	if !p.AllArgs(&w.URI) {
		return errArguments
	}
	err := p.block(outer, p.whoamiTable(outer, &w))
	p.site.Whoami = append(p.site.Whoami, w)
	return err
}

const (
	quote     = ` (a bare # begins a comment, so quote "#id")`
	signUsage = " redirect GLOB | status CODE... | html SELECTOR [[ATTR] json PATH [VALUE] | regex RE] | json PATH [VALUE] | regex RE" + quote
)

func (p *siteParser) whoamiTable(outer string, w *config.Whoami) table {
	const extractor = " html SELECTOR [ATTR] [json PATH | regex RE] | json PATH | regex RE | header NAME, then optionally not VALUE..." + quote
	return table{
		"first":     {usage: "first URI EXTRACTOR, for example first /nonce regex \"token=([a-z0-9]+)\"", parse: p.first(outer, w)},
		"header":    {usage: "header NAME VALUE", parse: p.header(w), many: true},
		"anonymous": {usage: "anonymous" + signUsage, parse: p.signs(outer+".anonymous", &w.Anonymous), many: true},
		"user":      {usage: "user" + extractor, parse: p.extractor(&w.User)},
		"name":      {usage: "name" + extractor, parse: p.extractor(&w.Name)},
		"email":     {usage: "email" + extractor, parse: p.extractor(&w.Email)},
		"apart":     {usage: "apart", parse: p.apart(w)},
		"lower":     {usage: "lower", parse: p.normalizer(w, "lower")},
		"nfkc":      {usage: "nfkc", parse: p.normalizer(w, "nfkc")},
		"trim":      {usage: "trim", parse: p.normalizer(w, "trim")},
	}
}

func (p *siteParser) apart(w *config.Whoami) func() error {
	return func() error {
		if p.NextArg() {
			return errArguments
		}
		w.Apart = true
		return nil
	}
}

func (p *siteParser) normalizer(w *config.Whoami, name string) func() error {
	return func() error {
		if p.NextArg() {
			return errArguments
		}
		w.Normalize = append(w.Normalize, name)
		return nil
	}
}

func (p *siteParser) header(w *config.Whoami) func() error {
	return func() error {
		var name, value string
		if !p.AllArgs(&name, &value) {
			return errArguments
		}
		if _, again := w.Header[name]; again {
			return problemf("%s is set again; want it once", name)
		}
		if w.Header == nil {
			w.Header = make(map[string]string)
		}
		w.Header[name] = value
		return nil
	}
}

// signs reads one sign, that nobody is signed in or that a sign-in failed.
func (p *siteParser) signs(path string, to *[]config.Sign) func() error {
	return func() error {
		p.where[fmt.Sprintf("%s.%d", path, len(*to))] = p.Token()
		args, inside := splitInside(p.RemainingArgs())
		if inside != nil {
			sign, err := signInside(args, inside)
			*to = append(*to, sign)
			return err
		}
		if len(args) < 2 || len(args) > 2 && args[0] != "status" && args[0] != "json" {
			return errArguments
		}
		sign, err := p.sign(args[0], args[1], args[2:])
		*to = append(*to, sign)
		return err
	}
}

func (p *siteParser) sign(kind, value string, more []string) (s config.Sign, err error) {
	switch kind {
	case "redirect":
		s.Redirect = value
	case "html":
		s.HTML = value
	case "regex":
		s.Regex = value
	case "json":
		s.JSON = value
		if len(more) > 1 {
			return s, errArguments
		}
		if len(more) == 1 {
			s.Value = &more[0]
		}
	case "status":
		s.Status, err = p.statuses(append([]string{value}, more...))
	default:
		err = problemf("%q is not a sign; want redirect, status, html, json or regex", kind)
	}
	return s, err
}

// signInside reads html SELECTOR [ATTR] json PATH [VALUE] or regex RE.
func signInside(args, inside []string) (s config.Sign, err error) {
	s.HTML = args[1]
	if len(args) == 3 {
		s.Attr = args[2]
	}
	if len(inside) == 3 && inside[0] == "json" {
		s.Value, inside = &inside[2], inside[:2]
	}
	return s, parseInside(inside, &s.JSON, &s.Regex)
}

func (p *siteParser) statuses(args []string) ([]int, error) {
	var codes []int
	for _, arg := range args {
		code, err := strconv.Atoi(arg)
		if err != nil {
			return nil, problemf("%q is not a status; want for example 401", arg)
		}
		codes = append(codes, code)
	}
	return codes, nil
}
