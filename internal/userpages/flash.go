package userpages

import (
	"github.com/secondgate/secondgate/internal/userpages/cookiestate"
	"github.com/secondgate/secondgate/templates"
)

// flash leaves a message, by its id, for the next page that the user sees.
func (c *call) flash(id string) {
	// A message's id always fits; without it the page is merely silent.
	_ = cookiestate.Put(c.State.Box, c.w, flashPiece, cookiestate.Owner{User: c.v.User}, id, c.v.Secure)
}

func (c *call) takeFlash() templates.Text {
	id, ok := cookiestate.Get[string](c.State.Box, c.r, flashPiece, cookiestate.Owner{User: c.v.User}, c.v.Secure)
	c.State.Drop(c.w, c.r, flashPiece, c.v.Secure)
	if !ok {
		return templates.Text{}
	}
	return templates.Say(id)
}
