package staffpages

import (
	"time"

	"github.com/secondgate/secondgate/internal/userpages/cookiestate"
	"github.com/secondgate/secondgate/templates"
)

// The pieces. Their names differ from those of customers' pages, since browsers don't
// keep the cookies of two ports of one host apart.
var (
	flashPiece = cookiestate.Piece{Name: "staff-flash", Life: 5 * time.Minute}
	codePiece  = cookiestate.Piece{Name: "staff-code", Life: 10 * time.Minute}
)

// flash is a message about what was just done, for the next page.
type flash struct {
	// ID is the message's; User and Count fill it in.
	ID, User string
	Count    int
	// Told is the address that is told by e-mail, empty if none is.
	Told string
}

func (c *call) owner() cookiestate.Owner { return cookiestate.Owner{User: c.v.Staff} }

func (c *call) leaveFlash(f flash) {
	// Names are bounded by the store; should one be too long, the page is merely silent.
	_ = cookiestate.Put(c.State, c.w, flashPiece, c.owner(), f, c.v.Secure)
}

func (c *call) takeFlash() templates.Text {
	f, ok := cookiestate.Get[flash](c.State, c.r, flashPiece, c.owner(), c.v.Secure)
	c.State.Drop(c.w, c.r, flashPiece, c.v.Secure)
	if !ok {
		return templates.Text{}
	}
	said := templates.Say(f.ID, "User", f.User, "Count", f.Count)
	if f.Told == "" {
		return said
	}
	return templates.Say("desk.told", "Done", said, "Email", f.Told)
}

// issued is a recovery code on its way to the page that shows it, once.
type issued struct {
	Realm, ID, Code string
	Expires         time.Time
}

func (c *call) takeCode(realm, id string) issued {
	code, ok := cookiestate.Get[issued](c.State, c.r, codePiece, c.owner(), c.v.Secure)
	if !ok || code.Realm != realm || code.ID != id {
		return issued{}
	}
	c.State.Drop(c.w, c.r, codePiece, c.v.Secure)
	return code
}
