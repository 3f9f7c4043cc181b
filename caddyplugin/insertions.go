package caddyplugin

import (
	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/insert"
	"github.com/secondgate/secondgate/templates"
)

// positions are config.Link's.
var positions = map[string]insert.Position{"append": insert.Append, "before": insert.Before, "after": insert.After}

// insertions are what is put into the portal's pages; nil for nothing.
func (b *builder) insertions() (*gateway.Insertions, error) {
	if len(b.site.Link) == 0 && !b.site.Assist {
		return nil, nil
	}
	in := &gateway.Insertions{}
	if b.site.Assist {
		in.Script = b.site.Path + "/assets/" + templates.Assist
	}
	for _, l := range b.site.Link {
		piece, err := insert.Link(l.Selector, positions[l.Position], b.site.Path+"/", l.Text)
		if err != nil {
			return nil, err
		}
		in.Links = append(in.Links, piece)
	}
	return in, nil
}
