package factor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// proof identifies what a right code spends: a step of an authenticator, a backup code or a
// recovery code.
type proof struct {
	factor   string // of an authenticator: the factor's ID
	step     int64
	code     []byte // a backup code or a recovery code
	hash     []byte // of that code
	recovery bool   // it is a recovery code
}

// Then runs in the transaction that spends an accepted code, for example to grant a clearance.
type Then func(tx store.Tx, u *store.User, accepted Accepted) error

// Spend accepts the attempt's code and runs then in the same transaction: both are done, or
// neither. then must change the user only through u. It may run several times (see store.Update).
// Its error is returned unchanged. then may be nil.
//
// Refusals: *Throttled, ErrOff, ErrMalformed, ErrNoFactor, ErrWrongCode, ErrEnded. They don't
// disclose whether a code is right for another time.
func (s *Service) Spend(ctx context.Context, a Attempt, then Then) (Accepted, error) {
	return s.spend(ctx, a, nil, then)
}

// spend does the work of Spend. prepare, if not nil, runs outside of the transaction after the code
// was found to be right.
func (s *Service) spend(ctx context.Context, a Attempt, prepare func() error, then Then) (accepted Accepted, err error) {
	defer func() { s.measure(a, accepted, err) }()
	u, err := s.user(ctx, a.User)
	if err != nil {
		return Accepted{}, err
	}
	// A field without the shape of a code is refused before anything is counted, hashed or
	// written. Otherwise malformed codes would block all users of the same address.
	typed, err := parseEntry(a.Kind, a.Code, u.TOTP)
	if err != nil {
		return Accepted{}, err
	}
	t := &try{Attempt: a, entry: typed}
	if err := s.enter(&u, t); err != nil {
		return Accepted{}, err
	}
	if t.kind == KindTOTP && prepare == nil {
		accepted, err = s.spendAtOnce(ctx, t, then)
	} else {
		accepted, err = s.spendInTwo(ctx, t, prepare, then)
	}
	if err = s.conclude(ctx, t, err); err != nil {
		return Accepted{}, err
	}
	return accepted, nil
}

// spendAtOnce counts the attempt, checks the code and spends it in one transaction. It is used for
// authenticators, because their codes are checked in microseconds.
func (s *Service) spendAtOnce(ctx context.Context, t *try, then Then) (accepted Accepted, err error) {
	err = s.update(ctx, t.User, func(tx store.Tx, u *store.User) (refusal, err error) {
		if refusal, err := s.admit(tx, u, t); refusal != nil || err != nil {
			return refusal, err
		}
		p, ok, err := s.check(u, *t)
		if err != nil {
			return nil, err
		}
		if !ok {
			return s.refuse(tx, *t)
		}
		accepted, refusal, err = s.accept(tx, u, *t, p, then)
		return refusal, err
	})
	return accepted, err
}

// spendInTwo counts the attempt in one transaction, hashes the code outside of any, and spends it
// in a second one. A wrong code is recorded and counted even if the client has left meanwhile.
// Otherwise an attacker could have codes checked without being counted.
func (s *Service) spendInTwo(ctx context.Context, t *try, prepare func() error, then Then) (accepted Accepted, err error) {
	p, ok, err := s.countAndCheck(ctx, t)
	if err != nil {
		return accepted, err
	}
	if !ok {
		return accepted, s.update(context.WithoutCancel(ctx), t.User, func(tx store.Tx, _ *store.User) (refusal, err error) {
			return s.refuse(tx, *t)
		})
	}
	if prepare != nil {
		if err := prepare(); err != nil {
			return accepted, err
		}
	}
	err = s.update(ctx, t.User, func(tx store.Tx, u *store.User) (refusal, err error) {
		accepted, refusal, err = s.accept(tx, u, *t, p, then)
		return refusal, err
	})
	return accepted, err
}

// countAndCheck waits for the user's turn and a hashing slot before it counts the attempt. A
// client that stops waiting has therefore lost no attempt.
func (s *Service) countAndCheck(ctx context.Context, t *try) (proof, bool, error) {
	release, err := s.turns.take(ctx, t.User)
	if err != nil {
		return proof{}, false, fmt.Errorf("waiting to check a code: %w", err)
	}
	defer release()
	var counted store.User
	err = s.update(ctx, t.User, func(tx store.Tx, u *store.User) (refusal, err error) {
		refusal, err = s.admit(tx, u, t)
		counted = *u
		return refusal, err
	})
	if err != nil {
		return proof{}, false, err
	}
	return s.check(&counted, *t)
}

// check reports whether the code is right, and returns its proof. It changes nothing.
func (s *Service) check(u *store.User, t try) (p proof, ok bool, err error) {
	if t.kind == KindBackup {
		p, ok = s.checkBackup(u, t)
		return p, ok, nil
	}
	p.factor = u.TOTP.ID
	p.step, ok, err = s.matchTOTP(t.User, u.TOTP, t.digits)
	return p, ok, err
}

// accept spends the proven code, resets the failure counters, and runs then. If the code was spent
// meanwhile, it is refused as wrong.
func (s *Service) accept(tx store.Tx, u *store.User, t try, p proof, then Then) (accepted Accepted, refusal, err error) {
	accepted = Accepted{Kind: t.kind, Step: p.step}
	spend := s.spendTOTP
	switch {
	case p.recovery:
		spend, accepted.Kind = s.spendRecovery, KindRecovery
		if u.Recovery != nil {
			accepted.Staff = u.Recovery.Staff
		}
	case t.kind == KindBackup:
		spend = s.spendBackup
	}
	ok, err := spend(tx, u, p)
	if err != nil {
		return accepted, nil, err
	}
	if !ok {
		refusal, err = s.refuse(tx, t)
		return accepted, refusal, err
	}
	if err := pardon(tx, u, t); err != nil {
		return accepted, nil, err
	}
	if t.kind == KindTOTP {
		accepted.Period = time.Duration(u.TOTP.Period) * time.Second
		accepted.Age = s.now().Sub(time.Unix(p.step*int64(u.TOTP.Period), 0))
	}
	if u.Backup != nil {
		accepted.BackupLeft = len(u.Backup.Hashes)
	}
	if err := s.recordAccepted(tx, t, accepted); err != nil {
		return accepted, nil, err
	}
	if then == nil {
		return accepted, nil, nil
	}
	return accepted, nil, then(tx, u, accepted)
}

// spendTOTP raises the floor to the proven step. It returns false if the authenticator was
// replaced, the step is not above the floor, or it was spent.
func (s *Service) spendTOTP(tx store.Tx, u *store.User, p proof) (bool, error) {
	if u.TOTP.ID != p.factor || p.step <= u.TOTP.Floor {
		return false, nil
	}
	err := spendStep(tx, u.TOTP, p.step, s.now())
	if errors.Is(err, store.ErrSpent) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	t := *u.TOTP
	t.Floor, t.UsedAt = p.step, s.now()
	u.TOTP = &t
	return true, nil
}

// spendBackup removes the proven code from the set and records it as spent. A code that was spent
// before and that an import has brought back is removed and refused.
func (s *Service) spendBackup(_ store.Tx, u *store.User, p proof) (bool, error) {
	if u.Backup == nil || !holds(u.Backup, p.hash) {
		return false, nil
	}
	spent, err := s.openSpent(u)
	if err != nil {
		return false, err
	}
	u.Backup = without(u.Backup, p.hash)
	if spent.has(spentCode, p.code) {
		return false, nil
	}
	u.Backup.UsedAt = s.now()
	return true, s.noteSpent(u, spent, p)
}
