package caddyplugin

import (
	"strings"

	"github.com/secondgate/secondgate/config"
)

// parseBrand reads:
//
//	brand {
//		name   NAME
//		logo   FILE
//		accent COLOUR      # 0a5 or "#0a5": a bare # begins a comment
//		css    FILE
//	}
func (p *siteParser) parseBrand() error {
	b := new(config.Brand)
	p.site.Brand = b
	return p.parseBlockOnly("brand", table{
		"name":   {usage: "name NAME", parse: p.text(&b.Name)},
		"logo":   {usage: "logo FILE", parse: p.text(&b.Logo)},
		"css":    {usage: "css FILE", parse: p.text(&b.CSS)},
		"accent": {usage: `accent COLOUR, written 0a5 or "#0a5" (a bare # begins a comment)`, parse: p.colour(&b.Accent)},
	})
}

// colour reads a hexadecimal colour with or without its #.
func (p *siteParser) colour(to *string) func() error {
	return func() error {
		if err := p.text(to)(); err != nil {
			return err
		}
		*to = "#" + strings.TrimPrefix(*to, "#")
		return nil
	}
}
