package staffpages

import (
	"time"

	"github.com/secondgate/secondgate/internal/userpages/cookiestate"
	"github.com/secondgate/secondgate/templates"
)

// The state that is kept in sealed cookies. The names differ from those of customers' pages,
// because browsers send a host's cookies to all of its ports.
var (
	flashField = cookiestate.Field[flash]{Name: "staff-flash", Life: 5 * time.Minute}
	codeField  = cookiestate.Field[issued]{Name: "staff-code", Life: 10 * time.Minute}
)

// flash is a message about what was just done, for the next page.
type flash struct {
	// ID is the id of the message; User and Count are its parameters.
	ID, User string
	Count    int
	// Told is the user's address to which an email about the act goes, or empty.
	Told string
}

func (c *call) owner() cookiestate.Owner { return cookiestate.Owner{User: c.v.Staff} }

func (c *call) browser() cookiestate.Browser {
	return cookiestate.Browser{Store: c.State, W: c.w, R: c.r, Secure: c.v.Secure}
}

func (c *call) leaveFlash(f flash) {
	// The store bounds the length of names. If one is too long anyway, the page has no
	// message.
	_ = flashField.Put(c.browser(), c.owner(), f)
}

func (c *call) takeFlash() templates.Text {
	f, ok := flashField.Take(c.browser(), c.owner())
	if !ok {
		return templates.Text{}
	}
	said := templates.Say(f.ID, "User", f.User, "Count", f.Count)
	if f.Told == "" {
		return said
	}
	return templates.Say("desk.told", "Done", said, "Email", f.Told)
}

// issued is a new recovery code in the sealed cookie for the page that shows it once.
type issued struct {
	Realm, ID, Code string
	Expires         time.Time
}

// takeCode returns the recovery code that was issued for this user, and deletes its cookie.
func (c *call) takeCode(realm, id string) issued {
	code, ok := codeField.Get(c.browser(), c.owner())
	if !ok || code.Realm != realm || code.ID != id {
		return issued{}
	}
	codeField.Drop(c.browser())
	return code
}
