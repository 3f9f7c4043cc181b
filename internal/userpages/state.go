package userpages

import (
	"time"

	"github.com/secondgate/secondgate/internal/userpages/cookiestate"
)

// CookiePrefix begins the names of all cookies of the own pages, see cookiestate.CookiePrefix.
const CookiePrefix = cookiestate.CookiePrefix

// State keeps what customers' pages remember in the browser: a set-up in progress,
// where to return to, backup codes just made, a message.
type State struct{ *cookiestate.Box }

// NewState makes the state of a realm from generations of keys; see cookiestate.New.
func NewState(realm string, hash, block [][]byte, clock func() time.Time) (*State, error) {
	box, err := cookiestate.New(realm, hash, block, clock)
	if err != nil {
		return nil, err
	}
	return &State{box}, nil
}

// The pieces. A set-up lasts as long as the factor package accepts its confirmation.
var (
	setupPiece  = cookiestate.Piece{Name: "setup", Life: time.Hour}
	returnPiece = cookiestate.Piece{Name: "return", Life: time.Hour}
	codesPiece  = cookiestate.Piece{Name: "codes", Life: 10 * time.Minute}
	flashPiece  = cookiestate.Piece{Name: "flash", Life: 5 * time.Minute}
)
