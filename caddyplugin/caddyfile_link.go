package caddyplugin

import (
	"fmt"

	"github.com/secondgate/secondgate/config"
)

const linkUsage = `link SELECTOR [before|after|append] "Text"`

// parseLink reads link SELECTOR [before|after|append] TEXT.
func (p *siteParser) parseLink() error {
	where := fmt.Sprintf("link.%d", len(p.site.Link))
	p.where[where] = p.Token()
	var l config.Link
	switch args := p.RemainingArgs(); len(args) {
	case 0:
		return problemf("nothing follows it (a bare # begins a comment, so quote \"#menu\"); want: %s", linkUsage)
	case 2:
		l.Selector, l.Text = args[0], args[1]
	case 3:
		l.Selector, l.Position, l.Text = args[0], args[1], args[2]
	default:
		return errArguments
	}
	p.site.Link = append(p.site.Link, l)
	return nil
}
