package staffpages

import (
	"time"

	"github.com/secondgate/secondgate/internal/userpages/cookiestate"
	"github.com/secondgate/secondgate/templates"
)

// The fields. Their names differ from those of customers' pages, since browsers don't
// keep the cookies of two ports of one host apart.
var (
	flashField = cookiestate.Field[flash]{Name: "staff-flash", Life: 5 * time.Minute}
	codeField  = cookiestate.Field[issued]{Name: "staff-code", Life: 10 * time.Minute}
)

// flash is a message about what was just done, for the next page.
type flash struct {
	// ID is the message's; User and Count fill it in.
	ID, User string
	Count    int
	// Told is the address that an e-mail about it goes to, empty for none.
	Told string
}

func (c *call) owner() cookiestate.Owner { return cookiestate.Owner{User: c.v.Staff} }

func (c *call) browser() cookiestate.Browser {
	return cookiestate.Browser{Store: c.State, W: c.w, R: c.r, Secure: c.v.Secure}
}

func (c *call) leaveFlash(f flash) {
	// Names are bounded by the store; should one be too long, the page is merely silent.
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

// issued is a recovery code on its way to the page that shows it, once.
type issued struct {
	Realm, ID, Code string
	Expires         time.Time
}

func (c *call) takeCode(realm, id string) issued {
	code, ok := codeField.Get(c.browser(), c.owner())
	if !ok || code.Realm != realm || code.ID != id {
		return issued{}
	}
	codeField.Drop(c.browser())
	return code
}
