package caddyplugin

import (
	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/insert"
)

// positions are config.Link's.
var positions = map[string]insert.Position{"append": insert.Append, "before": insert.Before, "after": insert.After}

// insertions are what is put into the portal's pages; nil for nothing.
func (b *builder) insertions() (*gateway.Insertions, error) {
	if len(b.site.Link) == 0 {
		return nil, nil
	}
	in := &gateway.Insertions{}
	for _, l := range b.site.Link {
		piece, err := insert.Link(l.Selector, positions[l.Position], b.site.Path+"/", l.Text)
		if err != nil {
			return nil, err
		}
		in.Links = append(in.Links, piece)
	}
	return in, nil
}
