package factor

import (
	"context"
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// clockSlack tolerates the small steps back of time synchronisation.
const clockSlack = 2 * time.Minute

// IssueRecovery makes a recovery code, which staff give to a user who lost all factors. It is
// valid for one challenge (see Attempt.Recovery) within its life. An earlier recovery code is no
// longer valid. The store keeps only a hash of the code, like that of a backup code. then runs
// in the same transaction; see Spend. IssueRecovery returns ErrNoFactor for a user without a
// factor, who is never asked for a code.
func (s *Service) IssueRecovery(ctx context.Context, user, staff string, life time.Duration, then func(store.Tx, store.Recovery) error) (code string, issued store.Recovery, err error) {
	if _, err := s.user(ctx, user); err != nil {
		return "", issued, err // before a hash is computed
	}
	code, issued, err = s.newRecovery(ctx, user)
	if err != nil {
		return "", issued, err
	}
	issued.Staff, issued.Expires = staff, issued.Issued.Add(life)
	err = s.update(ctx, user, func(tx store.Tx, u *store.User) (refusal, err error) {
		u.Recovery = &issued
		return nil, then(tx, issued)
	})
	if err != nil {
		return "", issued, err
	}
	s.addresses.Forget(user) // so that earlier wrong codes delay this code at no address
	return code, issued, nil
}

func (s *Service) newRecovery(ctx context.Context, user string) (code string, r store.Recovery, err error) {
	b, err := s.random(saltBytes + backupBytes)
	if err != nil {
		return "", r, err
	}
	salt, secret := b[:saltBytes], b[saltBytes:]
	if err := hashing.Acquire(ctx, 1); err != nil {
		return "", r, fmt.Errorf("waiting to make a code: %w", err)
	}
	defer hashing.Release(1)
	return formatBackup(secret), store.Recovery{Salt: salt, Hash: s.hashBackup(secret, salt, user), Issued: s.now()}, nil
}

// Outstanding returns the user's recovery code; nil if there is none that is valid now.
func (s *Service) Outstanding(u *store.User) *store.Recovery {
	if !s.recoverable(u) {
		return nil
	}
	return u.Recovery
}

// recoverable reports whether the user has a recovery code that is valid now. If the clock was set
// back to before the code was issued, the code is not valid; otherwise it would be valid for longer
// than intended.
func (s *Service) recoverable(u *store.User) bool {
	r, now := u.Recovery, s.now()
	return r != nil && now.Before(r.Expires) && !now.Before(r.Issued.Add(-clockSlack))
}

// recovers reports whether p is a proof of the user's recovery code.
func (s *Service) recovers(u *store.User, p proof) bool {
	return s.recoverable(u) && subtle.ConstantTimeCompare(u.Recovery.Hash, p.hash) == 1
}

// spendRecovery removes the proven recovery code. It returns false if the user does not have it any
// more.
func (s *Service) spendRecovery(_ store.Tx, u *store.User, p proof) (bool, error) {
	if !s.recovers(u, p) {
		return false, nil
	}
	u.Recovery = nil
	return true, nil
}
