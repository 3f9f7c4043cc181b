// Package factor sets up, checks, spends and removes second factors: authenticator apps (TOTP, RFC
// 6238), backup codes, codes by email, and staff's recovery codes.
//
// A code is accepted once. One transaction checks what the code proves (a step above the factor's
// floor, a backup code that is still there), spends it, and grants what it buys. Each attempt is
// counted by a transaction before the code is checked. So neither parallel requests nor a crash
// give an additional attempt or a second use of a code.
//
// A [Service] serves one realm. A set-up calls Begin, displays QRCode(URI(…)), and calls Confirm.
// After that, Spend checks codes; Regenerate and Disable spend a code, too. Packages userpages,
// staff and transfer call it.
package factor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/secondgate/secondgate/internal/clockdrift"
	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/meter"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/throttle"
)

// The kinds of factors, as stored in store.User.Failures and store.Visit.Factor.
const (
	KindTOTP   = "totp"
	KindBackup = "backup"
	// KindRecovery is a recovery code of staff. It has the form of a backup code, so its failures
	// are counted as those of backup codes.
	KindRecovery = "recovery"
)

// The algorithms of authenticator apps (RFC 6238 1.2). Many apps support SHA1 only.
const (
	SHA1   = "SHA1"
	SHA256 = "SHA256"
	SHA512 = "SHA512"
)

// Reasons why a code is not accepted, to be tested with errors.Is. Errors of the store are returned
// wrapped.
var (
	// ErrWrongCode: the code is wrong, or was accepted before. The attempt was counted.
	ErrWrongCode = errors.New("wrong code")
	// ErrMalformed: the field does not have the form of a code. Nothing was counted, hashed or
	// written.
	ErrMalformed = errors.New("not the shape of a code")
	// ErrOff: after too many wrong codes in a row, codes of the authenticator are refused until a
	// backup code or staff unlocks it. The code was not checked.
	ErrOff = errors.New("codes of the authenticator are off after too many wrong ones")
	// ErrNoFactor: the user has no such factor.
	ErrNoFactor = errors.New("user has no such factor")
	// ErrChanged: the user's factors have changed since the operation began.
	ErrChanged = errors.New("factors have changed meanwhile")
	// ErrExpired: the set-up was begun too long ago. It wraps ErrChanged.
	ErrExpired = fmt.Errorf("%w: set-up was begun too long ago", ErrChanged)
	// ErrEnded: the clearance of the visit in which the attempt was made has ended. It is wrapped
	// together with ErrWrongCode if this wrong code ended it, else with ErrChanged.
	ErrEnded = errors.New("clearance has ended")
)

// Throttled is the error of an attempt during a wait. The code was neither checked nor counted.
type Throttled struct {
	// Until is when the next attempt may be made.
	Until time.Time
	// address says that the wait is for the client's address and not for the user.
	address bool
}

// ByAddress reports whether the wait is for the client's address. From another address, the user
// would not have to wait.
func (t *Throttled) ByAddress() bool { return t.address }

func (t *Throttled) Error() string {
	return "too many wrong codes, wait until " + t.Until.Format(time.RFC3339)
}

// ErrClock is the error of a code that is right for an earlier or later time: the clocks differ.
// Only Confirm returns it, for a secret that is not in use yet. For an active secret it would tell
// an attacker that the code is or was right.
type ErrClock struct {
	// Drift is how far the authenticator's clock is ahead (negative: behind). It is a multiple of
	// the step.
	Drift time.Duration
}

func (e ErrClock) Error() string {
	return fmt.Sprintf("right code for another time: the authenticator's clock is off by %v", e.Drift)
}

// Settings are the operator's settings, complete and valid (see config.Site).
type Settings struct {
	// Issuer is the name that authenticator apps display, unless the caller of URI passes another.
	Issuer string
	// Digits (6 to 8), Period (whole seconds) and Algorithm apply to new authenticators. Active
	// ones keep the values that they were set up with.
	Digits    int
	Period    time.Duration
	Algorithm string
	// Skew is how many steps to either side of the present one are accepted, 0 or 1.
	Skew int
	// BackupCodes is the number of backup codes in a set.
	BackupCodes int
	// EnrolMail says that a first set-up requires a code by e-mail.
	EnrolMail bool
	Throttle  throttle.Policy
}

// Service does all operations on the factors of one realm. It is safe for concurrent use.
type Service struct {
	// Clock and Rand are time.Now and crypto/rand.Reader; tests replace them. Rand
	// must be safe for concurrent use.
	Clock func() time.Time
	Rand  io.Reader
	// MailQueued is called after a mail with a code was queued, so that it is sent at once. It may
	// be nil.
	MailQueued func()

	store     store.Store
	ring      *keys.Ring
	realm     string
	settings  Settings
	addresses *throttle.Addresses
	// confirms has the users for whom Confirm runs at the moment.
	confirms sync.Map
	// turns order the attempts of each user that need a hash.
	turns turns

	// Meter counts accepted and refused codes. Drift records how old accepted codes are, to detect
	// a wrong clock. Both may be nil.
	Meter *meter.Realm
	Drift *clockdrift.Watch
}

// New returns the service of a realm. Several services may share addresses.
func New(st store.Store, ring *keys.Ring, realm string, s Settings, addresses *throttle.Addresses) *Service {
	return &Service{
		Clock: time.Now, Rand: rand.Reader,
		store: st, ring: ring, realm: realm, settings: s, addresses: addresses,
	}
}

func (s *Service) now() time.Time { return s.Clock().UTC() }

func (s *Service) key(user string) store.UserKey {
	return store.UserKey{Realm: s.realm, ID: user}
}

func (s *Service) random(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.Rand, b); err != nil {
		return nil, fmt.Errorf("reading randomness: %w", err)
	}
	return b, nil
}

// user returns a user's record. It returns ErrNoFactor for a user without a factor.
func (s *Service) user(ctx context.Context, id string) (store.User, error) {
	return withFactor(s.store.User(ctx, s.key(id)))
}

// withFactor passes on a user that was read. A user without a factor is ErrNoFactor.
func withFactor(u store.User, err error) (store.User, error) {
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && u.TOTP == nil:
		return u, ErrNoFactor
	case err != nil:
		return u, fmt.Errorf("reading the user's factors: %w", err)
	}
	return u, nil
}

// update changes a user with a factor in a transaction. If fn returns a refusal, its changes are
// written, then the refusal is returned. If fn returns an error, nothing is written.
func (s *Service) update(ctx context.Context, id string, fn func(tx store.Tx, u *store.User) (refusal, err error)) error {
	var refusal error
	err := s.store.Update(ctx, s.key(id), func(tx store.Tx) error {
		u, err := withFactor(tx.User())
		if err != nil {
			return err
		}
		if refusal, err = fn(tx, &u); err != nil {
			return err
		}
		return tx.PutUser(u)
	})
	if err != nil {
		return err
	}
	return refusal
}
