package caddyplugin

import (
	"slices"

	"github.com/secondgate/secondgate/config"
)

// extractor reads EXTRACTOR [not VALUE...].
func (p *siteParser) extractor(to **config.Extractor) func() error {
	return func() error {
		e, err := p.parseExtractor(p.RemainingArgs())
		*to = &e
		return err
	}
}

func (p *siteParser) parseExtractor(args []string) (e config.Extractor, err error) {
	if i := slices.Index(args[min(2, len(args)):], "not") + 2; i >= 2 {
		args, e.Not = args[:i], args[i+1:]
		if len(e.Not) == 0 {
			return e, errArguments
		}
	}
	args, inside := splitInside(args)
	if len(args) < 2 || len(args) > 2 && args[0] != "html" || len(args) > 3 {
		return e, errArguments
	}
	switch args[0] {
	case "html":
		e.HTML = args[1]
		if len(args) == 3 {
			e.Attr = args[2]
		}
		return e, parseInside(inside, &e.JSON, &e.Regex)
	case "json":
		e.JSON = args[1]
	case "regex":
		e.Regex = args[1]
	case "header":
		e.Header = args[1]
	default:
		err = problemf("%q is not an extractor; want html, json, regex or header", args[0])
	}
	return e, err
}

// splitInside cuts json PATH [VALUE] or regex RE off what stands before: html SELECTOR
// [ATTR].
func splitInside(args []string) (outer, inside []string) {
	for i := 2; i < min(len(args), 4); i++ {
		if args[0] == "html" && (args[i] == "json" || args[i] == "regex") {
			return args[:i], args[i:]
		}
	}
	return args, nil
}

// parseInside reads json PATH or regex RE, or nothing.
func parseInside(args []string, path, expression *string) error {
	switch {
	case len(args) == 0:
	case len(args) != 2:
		return errArguments
	case args[0] == "json":
		*path = args[1]
	default:
		*expression = args[1]
	}
	return nil
}

// first reads first URI with its extractor behind it or in a block.
func (p *siteParser) first(outer string, w *config.Whoami) func() error {
	return func() error {
		args := p.RemainingArgs()
		if len(args) == 0 {
			return errArguments
		}
		w.First = &config.First{URI: args[0]}
		if len(args) > 1 {
			e, err := p.parseExtractor(args[1:])
			w.First.Extract = e
			return err
		}
		return p.firstBlock(outer+".first", &w.First.Extract)
	}
}

// firstBlock reads the one extractor of the block of first.
func (p *siteParser) firstBlock(outer string, to *config.Extractor) error {
	found := false
	extract := func(kind string) func() error {
		return func() (err error) {
			if found {
				return problemf("it is a second extractor; want one in first")
			}
			found = true
			*to, err = p.parseExtractor(append([]string{kind}, p.RemainingArgs()...))
			return err
		}
	}
	err := p.block(outer, table{
		"html":   {usage: "html SELECTOR [ATTR] [json PATH | regex RE]", parse: extract("html")},
		"json":   {usage: "json PATH", parse: extract("json")},
		"regex":  {usage: "regex RE", parse: extract("regex")},
		"header": {usage: "header NAME", parse: extract("header")},
	})
	if err == nil && !found {
		return errArguments
	}
	return err
}
