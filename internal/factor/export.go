package factor

import (
	"github.com/secondgate/secondgate/internal/store"
)

// Open returns the authenticator of a user as Import takes it, its secret in the clear
// and the backup codes as hashes: for an export, which staff have asked for. It fails
// with ErrNoFactor, or with keys.ErrOpen where the master key is missing.
func (s *Service) Open(u *store.User) (Import, error) {
	if u.TOTP == nil {
		return Import{}, ErrNoFactor
	}
	secret, err := s.openSecret(u.Key.ID, u.TOTP)
	if err != nil {
		return Import{}, err
	}
	out := Import{
		User: u.Key.ID, Secret: secret,
		Algorithm: u.TOTP.Algorithm, Digits: u.TOTP.Digits, Period: u.TOTP.Period,
	}
	if hasBackup(u) {
		out.Kept = u.Backup
	}
	return out, nil
}
