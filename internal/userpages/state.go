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

// State keeps what customers' pages remember in the browser: a set-up in progress,
// where to return to, backup codes just made, a message.
type State struct{ store *cookiestate.Store }

// NewState makes the state of a realm from generations of keys; see cookiestate.New.
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

// owner is the owner of state that any visit of the user may read.
func (c *call) owner() cookiestate.Owner { return cookiestate.Owner{User: c.v.User} }

// flash leaves a message, by its id, for the next page that the user sees.
func (c *call) flash(id string) {
	_ = flashField.Put(c.browser(), c.owner(), id) // an id always fits
}

func (c *call) takeFlash() templates.Text {
	if id, ok := flashField.Take(c.browser(), c.owner()); ok {
		return templates.Say(id)
	}
	return templates.Text{}
}
