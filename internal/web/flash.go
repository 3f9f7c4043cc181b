package web

import "github.com/secondgate/secondgate/templates"

// flash leaves a message, by its id, for the next page that the user sees.
func (c *call) flash(id string) {
	// A message's id always fits; without it the page is merely silent.
	_ = put(c.State, c.w, flashPiece, owner{User: c.v.User}, id, c.v.Secure)
}

func (c *call) takeFlash() templates.Text {
	id, ok := get[string](c.State, c.r, flashPiece, owner{User: c.v.User}, c.v.Secure)
	c.State.drop(c.w, c.r, flashPiece, c.v.Secure)
	if !ok {
		return templates.Text{}
	}
	return templates.Say(id)
}
