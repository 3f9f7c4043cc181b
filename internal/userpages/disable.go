package userpages

import (
	"net/http"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/templates"
)

func (c *call) showDisable() {
	if c.mayDisable() {
		c.show(http.StatusOK, disable(c.eitherCode()))
	}
}

func disable(field templates.Code) templates.Page { return templates.Disable{Code: field} }

// mayDisable reports whether the user has a second factor and the operator lets users turn
// it off. If it returns false, it has sent the response.
func (c *call) mayDisable() bool {
	switch {
	case !c.user.Activated():
		c.to("/")
		return false
	case c.Required:
		c.show(http.StatusForbidden, templates.Notice{
			Title: templates.Say("problem.required_title"), Body: templates.Say("problem.required", "Portal", c.portal()),
			Problem: true, Link: c.Path + "/", LinkText: templates.Say("problem.settings"),
		})
		return false
	}
	return true
}

// answerDisable removes the user's factors if the user enters a fresh code, and ends all
// sessions but this one.
func (c *call) answerDisable() {
	if !c.mayDisable() {
		return
	}
	a := c.attempt()
	rotation := c.v.Visit.Rotate()
	ended, err := c.Factors.Disable(c.r.Context(), a, func(tx store.Tx) error { return rotation.Move(tx, false) })
	if err != nil {
		c.refuse(err, a, c.eitherCode(), disable)
		return
	}
	c.Logger.Info("two-factor authentication turned off", c.who()...)
	rotation.Commit(c.w)
	c.v.Visit.EndOthers(ended)
	c.v.Visit.Changed()
	setupField.Drop(c.browser())
	codesField.Drop(c.browser())
	c.flash("flash.disabled")
	c.to("/")
}
