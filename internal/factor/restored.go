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

// Restored makes a user of a backup safe to live again at now: nothing that may have
// been spent since the backup is accepted. No code of a step that has begun, or that
// may have been accepted ahead of its time, counts; backup codes are void, unless the
// operator keeps them; a recovery code of staff is void. Codes that the backup knows as
// spent stay spent. An import brings no backup codes back, unless the operator keeps them:
// it is not known which of them were used since. All sessions end: it is not known either which
// of them were ended since.
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
	u.SessionsEnded = now.Truncate(time.Millisecond) // as precise as cookies are; no request runs
}

// beforeRestore reports whether a set-up was begun before the store was restored: its
// authenticator may have been confirmed, and revoked, after the backup was made.
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
