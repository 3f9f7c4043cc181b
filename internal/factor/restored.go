package factor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// maxSkew is the most that Settings.Skew may be.
const maxSkew = 1

// Restored changes the record of a user that is restored from a backup at now, so that no code that
// may have been spent since the backup is accepted. Codes of the present step, of earlier ones, and
// of the steps that Skew permits ahead are refused. The recovery code is removed, and backup codes
// are, too, unless the operator keeps them. Codes that were spent before the backup remain spent.
// Unless the operator keeps backup codes, later imports bring none, because it is unknown which of
// them were used since the backup. All sessions end, because it is unknown which of them were ended
// since.
func Restored(u *store.User, now time.Time, keepBackup bool) {
	if u.TOTP != nil && u.TOTP.Period > 0 {
		t := *u.TOTP
		t.Floor = max(t.Floor, now.Unix()/int64(t.Period)+maxSkew)
		u.TOTP = &t
	}
	if u.Backup != nil && !keepBackup {
		set := *u.Backup
		set.Hashes = nil
		u.Backup = &set
	}
	if !keepBackup && (u.TOTP != nil || u.Backup != nil || u.Spent != nil) {
		spent := store.SpentCodes{Closed: true}
		if u.Spent != nil {
			spent.Key, spent.Digests = u.Spent.Key, u.Spent.Digests
		}
		u.Spent = &spent
	}
	u.Recovery = nil
	u.SessionsEnded = now.Truncate(time.Millisecond) // cookies have this precision; no request runs during a restore
}

// beforeRestore reports whether a set-up was begun before the store was restored. Its authenticator
// may have been confirmed and removed after the backup was made, so it must not be confirmed again.
func (s *Service) beforeRestore(ctx context.Context, e Enrolment) (bool, error) {
	raw, err := s.store.Meta(ctx, store.MetaRestored)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading when the store was restored: %w", err)
	}
	at, err := time.Parse(time.RFC3339Nano, string(raw))
	if err != nil {
		return false, fmt.Errorf("%w: record %q: %w", store.ErrCorrupt, store.MetaRestored, err)
	}
	return !e.Started.After(at), nil
}
