package userpages

import (
	"net/http"

	"github.com/secondgate/secondgate/templates"
)

// showHelp is the same for every visitor: it discloses nothing about any account.
func (c *call) showHelp() {
	c.showFramed(http.StatusOK, templates.Help{Portal: c.portal(), Support: contact(c.Support), Now: c.Clock()}, templates.Frame{})
}
