package factor

import (
	"github.com/secondgate/secondgate/internal/store"
)

// Open returns the authenticator of a user in the form that Import reads, with the secret in clear
// text and the hashes of the backup codes. It is called for an export by staff. It returns
// ErrNoFactor if there is none, or keys.ErrOpen if the master key is missing.
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
