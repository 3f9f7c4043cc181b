package factor

import (
	"context"
	"strconv"
	"time"

	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
)

// Regenerate spends the attempt's code on a new set of backup codes, to be shown
// once; the old ones stop. Refusals are those of Spend.
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

// Disable spends the attempt's code on taking away all factors, and ends all sessions of the
// user; those with a clearance it returns. move, which may be nil and may run several times,
// moves the visit that asks to a fresh token first: it stays signed in. Refusals are those
// of Spend.
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

// clearFactors takes all factors away. What was spent stays recorded: an import may bring
// the same codes again.
func clearFactors(u *store.User) {
	u.TOTP, u.Backup, u.Recovery, u.Failures = nil, nil, nil, nil
	u.EnabledAt = time.Time{}
}
