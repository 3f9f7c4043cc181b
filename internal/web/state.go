package web

import (
	"time"

	"github.com/secondgate/secondgate/internal/web/sealed"
)

// CookiePrefix begins the names of all cookies of the own pages, see sealed.CookiePrefix.
const CookiePrefix = sealed.CookiePrefix

// State keeps what customers' pages remember in the browser: a set-up in progress,
// where to return to, backup codes just made, a message.
type State struct{ *sealed.Box }

// NewState makes the state of a realm from generations of keys; see sealed.New.
func NewState(realm string, hash, block [][]byte, clock func() time.Time) (*State, error) {
	box, err := sealed.New(realm, hash, block, clock)
	if err != nil {
		return nil, err
	}
	return &State{box}, nil
}

// The pieces. A set-up lasts as long as the factor package accepts its confirmation.
var (
	setupPiece  = sealed.Piece{Name: "setup", Life: time.Hour}
	returnPiece = sealed.Piece{Name: "return", Life: time.Hour}
	codesPiece  = sealed.Piece{Name: "codes", Life: 10 * time.Minute}
	flashPiece  = sealed.Piece{Name: "flash", Life: 5 * time.Minute}
)
