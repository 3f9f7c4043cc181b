package staff

import (
	"errors"
	"fmt"
)

// What is wrong with a request, to be tested with errors.Is. The error's own text is a
// sentence for staff. Any other error is a fault of the store.
var (
	// ErrInput: a reason, a name, a filter or a time is not as it has to be.
	ErrInput = errors.New("wrong input")
	// ErrUnknown: there is no such user or realm.
	ErrUnknown = errors.New("unknown")
	// ErrAmbiguous: several users fit; the sentence names a few.
	ErrAmbiguous = errors.New("ambiguous")
	// ErrRefused: there is nothing to do, or it can't be done for this user.
	ErrRefused = errors.New("refused")
	// ErrLater: the listing is not ready yet; it is a matter of minutes.
	ErrLater = errors.New("not ready yet")
)

// refusal is a sentence with its kind.
type refusal struct {
	kind     error
	sentence string
}

func refuse(kind error, format string, args ...any) error {
	return &refusal{kind, fmt.Sprintf(format, args...)}
}

func (r *refusal) Error() string { return r.sentence }
func (r *refusal) Unwrap() error { return r.kind }
