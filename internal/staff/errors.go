package staff

import (
	"errors"
	"fmt"
)

// Why a request was refused, to be tested with errors.Is. The text of such an error is a
// sentence for staff. Any other error is a failure of the store.
var (
	// ErrInput: a reason, a name, a filter or a time is not valid.
	ErrInput = errors.New("wrong input")
	// ErrUnknown: there is no such user or realm.
	ErrUnknown = errors.New("unknown")
	// ErrAmbiguous: several users match; the sentence names a few.
	ErrAmbiguous = errors.New("ambiguous")
	// ErrRefused: there is nothing to do, or it can't be done for this user.
	ErrRefused = errors.New("refused")
	// ErrLater: the index for the listing is still being built, which takes minutes.
	ErrLater = errors.New("not ready yet")
)

// refusal is an error with a sentence for staff; kind is one of the sentinels above.
type refusal struct {
	kind     error
	sentence string
}

func refuse(kind error, format string, args ...any) error {
	return &refusal{kind, fmt.Sprintf(format, args...)}
}

func (r *refusal) Error() string { return r.sentence }
func (r *refusal) Unwrap() error { return r.kind }
