package factor

import (
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/secondgate/secondgate/internal/store"
)

// keepSpent is how long the record of a spent step is kept. The floor refuses the step already; the
// record refuses it, too, if Unlock has lowered the floor.
const keepSpent = 24 * time.Hour

var algorithms = map[string]otp.Algorithm{
	SHA1:   otp.AlgorithmSHA1,
	SHA256: otp.AlgorithmSHA256,
	SHA512: otp.AlgorithmSHA512,
}

// secretText is the encoding of a secret in otpauth links and for typing.
var secretText = base32.StdEncoding.WithPadding(base32.NoPadding)

// generator computes the codes of one secret. match compares the steps itself, because otp's
// ValidateCustom does not return the step of a right code.
type generator struct {
	secret string
	opts   hotp.ValidateOpts
	period int64 // seconds
}

func newGenerator(secret []byte, algorithm string, digits, period int) (generator, error) {
	a, known := algorithms[algorithm]
	if !known || digits < 6 || digits > 8 || period < 1 {
		return generator{}, fmt.Errorf("authenticator with algorithm %q, %d digits, %d s: %w", algorithm, digits, period, store.ErrCorrupt)
	}
	return generator{
		secret: secretText.EncodeToString(secret),
		opts:   hotp.ValidateOpts{Digits: otp.Digits(digits), Algorithm: a},
		period: int64(period),
	}, nil
}

// step returns the time step in which now lies (RFC 6238 4.2).
func (g generator) step(now time.Time) int64 { return now.Unix() / g.period }

func (g generator) code(step int64) (string, error) {
	return hotp.GenerateCodeCustom(g.secret, uint64(step), g.opts)
}

// match returns the newest step between first and last with this code. Two steps may have the
// same code. Accepting a step raises the floor to it; with the newest step, the same digits
// can't be used for the older one. All steps are compared, in constant time.
func (g generator) match(code string, first, last int64) (step int64, ok bool, err error) {
	for n := max(first, 0); n <= last; n++ {
		want, err := g.code(n)
		if err != nil {
			return 0, false, fmt.Errorf("computing a code: %w", err)
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			step, ok = n, true
		}
	}
	return step, ok, nil
}

// matchTOTP returns the step of a code that may be accepted now. It does not check whether the
// step was accepted before.
func (s *Service) matchTOTP(user string, t *store.TOTP, code string) (step int64, ok bool, err error) {
	secret, err := s.openSecret(user, t)
	if err != nil {
		return 0, false, err
	}
	g, err := newGenerator(secret, t.Algorithm, t.Digits, t.Period)
	if err != nil {
		return 0, false, err
	}
	now, skew := g.step(s.now()), int64(s.settings.Skew)
	return g.match(code, now-skew, now+skew)
}

// openSecret returns keys.ErrOpen if the secret was sealed for another user or factor, or with a
// master key that is missing.
func (s *Service) openSecret(user string, t *store.TOTP) ([]byte, error) {
	secret, err := s.ring.Open(t.Secret, boundSecret(s.key(user), t.ID)...)
	if err != nil {
		return nil, fmt.Errorf("opening the authenticator secret of user %q in realm %q: %w", user, s.realm, err)
	}
	return secret, nil
}

func (s *Service) sealSecret(secret []byte, user, id string) []byte {
	return s.ring.Seal(secret, boundSecret(s.key(user), id)...)
}

// spendStep records a step of a factor as spent, or returns store.ErrSpent. The record is kept for
// keepSpent after the end of the step, or after now if that is later. A step may lie in the future
// because of the skew, or because the clock is ahead.
func spendStep(tx store.Tx, t *store.TOTP, step int64, now time.Time) error {
	until := time.Unix((step+1)*int64(t.Period), 0)
	if until.Before(now) {
		until = now
	}
	return tx.Spend(fmt.Sprintf("totp %s %d", t.ID, step), until.Add(keepSpent).UTC())
}
