package userpages

import (
	"net/http"
	"time"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/userpages/cookiestate"
	"github.com/secondgate/secondgate/templates"
)

// CookiePrefix begins the names of all cookies of the own pages, see cookiestate.CookiePrefix.
const CookiePrefix = cookiestate.CookiePrefix

// State stores state of customers' pages in sealed cookies: a set-up in progress, where to
// return to, new backup codes, a message for the next page.
type State struct{ store *cookiestate.Store }

// NewState returns the state of a realm; for the keys see cookiestate.New.
func NewState(realm string, hash, block [][]byte, clock func() time.Time) (*State, error) {
	s, err := cookiestate.New(realm, hash, block, clock)
	return &State{s}, err
}

// The fields. A set-up lasts as long as the factor package accepts its confirmation.
var (
	setupField  = cookiestate.Field[factor.Enrolment]{Name: "setup", Life: time.Hour}
	returnField = cookiestate.Field[Return]{Name: "return", Life: time.Hour}
	codesField  = cookiestate.Field[freshCodes]{Name: "codes", Life: 10 * time.Minute}
	flashField  = cookiestate.Field[string]{Name: "flash", Life: 5 * time.Minute}
)

func (s *State) browser(w http.ResponseWriter, r *http.Request, secure bool) cookiestate.Browser {
	return cookiestate.Browser{Store: s.store, W: w, R: r, Secure: secure}
}

func (c *call) browser() cookiestate.Browser { return c.State.browser(c.w, c.r, c.v.Secure) }

// owner returns the owner of state that any visit of the user may read.
func (c *call) owner() cookiestate.Owner { return cookiestate.Owner{User: c.v.User} }

// flash stores the id of a message for the next page that the user sees; show takes it.
func (c *call) flash(id string) {
	_ = flashField.Put(c.browser(), c.owner(), id) // an id always fits
}

func (c *call) takeFlash() templates.Text {
	if id, ok := flashField.Take(c.browser(), c.owner()); ok {
		return templates.Say(id)
	}
	return templates.Text{}
}
