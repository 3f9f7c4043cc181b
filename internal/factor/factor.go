// Package factor sets up, checks, spends and removes second factors: authenticator apps (TOTP, RFC
// 6238), backup codes, codes by email, and staff's recovery codes.
//
// A code is accepted once. One transaction checks what the code proves (a step above the factor's
// floor, a backup code that is still there), spends it, and grants what it buys. Each attempt is
// counted by a transaction before the code is checked. So neither parallel requests nor a crash
// win an attempt or a second use.
//
// A Service serves one realm. The usual course: Begin, show QRCode(URI(…)),
// Confirm; from then on Spend, and what composes it: Regenerate and Disable.
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

// The kinds of factors, as they stand in store.User.Failures and store.Visit.Factor.
const (
	KindTOTP   = "totp"
	KindBackup = "backup"
	// KindRecovery is a recovery code of staff. It is given, and its failures are
	// counted, as a backup code: they have one shape.
	KindRecovery = "recovery"
)

// The algorithms of authenticator apps (RFC 6238 1.2). Many apps know SHA1 only.
const (
	SHA1   = "SHA1"
	SHA256 = "SHA256"
	SHA512 = "SHA512"
)

// Why a code is not accepted; tested with errors.Is. Store failures are returned as
// they are, wrapped.
var (
	// ErrWrongCode: the code is wrong, or was accepted before. It was counted.
	ErrWrongCode = errors.New("wrong code")
	// ErrMalformed: what was given has not even the shape of a code. Nothing was counted,
	// hashed or written.
	ErrMalformed = errors.New("not the shape of a code")
	// ErrOff: there were too many wrong codes of the authenticator in a row; its codes
	// are off until a backup code or staff unlocks. Nothing was looked at.
	ErrOff = errors.New("codes of the authenticator are off after too many wrong ones")
	// ErrNoFactor: the user has no such factor.
	ErrNoFactor = errors.New("user has no such factor")
	// ErrChanged: the user's factors are not those any more that this was begun with.
	ErrChanged = errors.New("factors have changed meanwhile")
	// ErrExpired: the set-up was begun too long ago. It is an ErrChanged.
	ErrExpired = fmt.Errorf("%w: set-up was begun too long ago", ErrChanged)
	// ErrEnded: the clearance that the attempt was made in is over. It comes with
	// ErrWrongCode when this wrong code ended it, else with ErrChanged.
	ErrEnded = errors.New("clearance has ended")
)

// Throttled refuses an attempt because of a wait that is in effect. Nothing was
// looked at or counted.
type Throttled struct {
	// Until is when the next attempt may be made.
	Until time.Time
	// address says that it is about the address, not the user.
	address bool
}

// ByAddress reports whether the wait is that of the client's address, so that another
// address would not have to wait.
func (t *Throttled) ByAddress() bool { return t.address }

func (t *Throttled) Error() string {
	return "too many wrong codes, wait until " + t.Until.Format(time.RFC3339)
}

// ErrClock says that the code is right for another minute: the clocks differ. Only
// Confirm tells so, of a secret that is not in use; for any other code it would tell
// a stranger that the code is or was right.
type ErrClock struct {
	// Drift is how far the authenticator's clock is ahead (negative: behind), in
	// whole steps.
	Drift time.Duration
}

func (e ErrClock) Error() string {
	return fmt.Sprintf("right code for another time: the authenticator's clock is off by %v", e.Drift)
}

// Settings are an operator's, complete and valid (see config.Site).
type Settings struct {
	// Issuer is shown in the authenticator app where a caller of URI names no other.
	Issuer string
	// Digits (6 to 8), Period (whole seconds) and Algorithm are for new
	// authenticators; those in use keep theirs.
	Digits    int
	Period    time.Duration
	Algorithm string
	// Skew is how many steps to either side of the present one are accepted, 0 or 1.
	Skew int
	// BackupCodes is how many a set has.
	BackupCodes int
	// EnrolMail says that a first set-up waits for a code by e-mail.
	EnrolMail bool
	Throttle  throttle.Policy
}

// Service does all that is done with factors in one realm. Safe for concurrent use.
type Service struct {
	// Clock and Rand are time.Now and crypto/rand.Reader; tests replace them. Rand
	// must be safe for concurrent use.
	Clock func() time.Time
	Rand  io.Reader
	// MailQueued is called after a mail was queued that a user waits for. It may be nil.
	MailQueued func()

	store     store.Store
	ring      *keys.Ring
	realm     string
	settings  Settings
	addresses *throttle.Addresses
	// confirms are the users with a confirmation under way.
	confirms sync.Map

	// Meter counts what became of codes, and Drift watches how old those are that are
	// accepted; both may be nil.
	Meter *meter.Realm
	Drift *clockdrift.Watch
}

// New returns the service of a realm. Addresses may be shared by several.
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

// user reads a user. It returns ErrNoFactor for a user without a factor.
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
