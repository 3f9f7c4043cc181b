package factor

import (
	"context"
	"strconv"
	"time"

	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
)

// Regenerate spends the attempt's code and replaces the user's backup codes by new ones, which it
// returns to be displayed once. The old ones are no longer valid. Refusals are those of Spend.
func (s *Service) Regenerate(ctx context.Context, a Attempt) (codes []string, err error) {
	var set *store.BackupSet
	prepare := func() error {
		codes, set, err = s.newBackup(ctx, a.User)
		return err
	}
	_, err = s.spend(ctx, a, prepare, func(tx store.Tx, u *store.User, _ Accepted) error {
		u.Backup = set
		return tx.Record(s.event(a, store.EventBackupGenerated, KindBackup, "codes", strconv.Itoa(set.Total)))
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// Disable spends the attempt's code, removes all factors of the user and ends all sessions. It
// returns the visits with a clearance that ended. move runs first and moves the calling visit to a
// fresh token, so that it stays signed in. move may be nil, and may run several times. Refusals are
// those of Spend.
func (s *Service) Disable(ctx context.Context, a Attempt, move func(store.Tx) error) (ended []store.VisitID, err error) {
	_, err = s.Spend(ctx, a, func(tx store.Tx, u *store.User, _ Accepted) error {
		clearFactors(u)
		if move != nil {
			if err := move(tx); err != nil {
				return err
			}
		}
		if ended, err = session.EndAll(tx, u, s.now()); err != nil {
			return err
		}
		return tx.Record(s.event(a, store.EventDisabled, KindTOTP, "sessions_ended", strconv.Itoa(len(ended))))
	})
	if err != nil {
		return nil, err
	}
	return ended, nil
}

// clearFactors removes all factors. It keeps the record of spent codes, because an import may bring
// the same codes again.
func clearFactors(u *store.User) {
	u.TOTP, u.Backup, u.Recovery, u.Failures = nil, nil, nil, nil
	u.EnabledAt = time.Time{}
}
