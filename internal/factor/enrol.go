package factor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
)

const (
	// secretBytes is the length of a secret: 160 bits, as RFC 4226 R6 recommends.
	secretBytes = 20
	// idBytes is the length of a factor ID: long enough that no two are equal.
	idBytes = 16
	// setUpLife is how long a set-up may take. It leaves time to find and install an app.
	setUpLife = time.Hour
	// clockHint is how far before and after the present step a wrong confirming code is searched
	// for, to tell the customer that the clocks differ.
	clockHint = 10 * time.Minute
)

// Enrolment is a set-up in progress. It is kept in a sealed cookie in the browser, and not in the
// store.
type Enrolment struct {
	// ID becomes the ID of the factor.
	ID     string
	Secret []byte
	// Algorithm, Digits and Period (seconds) are those shown in the QR code.
	Algorithm      string
	Digits, Period int
	Started        time.Time
	// Replaces is the ID of the active authenticator that this one will replace; empty for a first
	// one. A replacement may be begun only after a code was spent.
	Replaces string
	// Proven is the email address that was proven by a code before this set-up began. It is
	// empty if no code was required.
	Proven string
	// Renew says that new backup codes are generated in any case. It is set if a recovery code led
	// to the replacement, because that user has lost the old backup codes.
	Renew bool
}

// Confirmed is the result of Confirm.
type Confirmed struct {
	// BackupCodes are new backup codes, to be displayed once; nil if the user keeps the old ones.
	BackupCodes []string
	// Ended are the clearances that were ended.
	Ended []store.VisitID
}

// Begin starts the set-up of an authenticator. For replaces see Enrolment.Replaces. It fails only
// if no random bytes can be read.
func (s *Service) Begin(replaces string) (Enrolment, error) {
	b, err := s.random(idBytes + secretBytes)
	if err != nil {
		return Enrolment{}, err
	}
	return Enrolment{
		ID: crockford.EncodeToString(b[:idBytes]), Secret: b[idBytes:],
		Algorithm: s.settings.Algorithm, Digits: s.settings.Digits, Period: int(s.settings.Period / time.Second),
		Started: s.now(), Replaces: replaces,
	}, nil
}

// SecretText returns the secret in the form that is typed into an app: base32 in upper case.
func (e Enrolment) SecretText() string { return secretText.EncodeToString(e.Secret) }

// candidate is an authenticator that Confirm is about to activate.
type candidate struct {
	user     string
	totp     *store.TOTP
	replaces string
	renew    bool
	// codes and backup are a new set of backup codes; nil if firstBackup found that none is needed.
	codes  []string
	backup *store.BackupSet
}

// Confirm makes the enrolment the user's authenticator when the attempt's code is one of its
// present codes, in one transaction with buy (may be nil; may run several times). It spends the
// code, and ends all clearances of the user except spare, which buy may grant. If another
// authenticator is replaced, all other sessions end, too. Backup codes are generated for a first
// authenticator, if none is left, and if the enrolment requires it. Wrong codes are not counted,
// because the secret is the customer's own and not in use yet.
//
// It returns ErrMalformed, ErrWrongCode, ErrClock, ErrChanged (another tab confirms or has
// confirmed; ErrExpired is one, too), or buy's error. Nothing was changed then.
func (s *Service) Confirm(ctx context.Context, a Attempt, e Enrolment, spare store.VisitID, buy func(store.Tx) error) (Confirmed, error) {
	if s.now().Sub(e.Started) > setUpLife {
		return Confirmed{}, ErrExpired
	}
	if before, err := s.beforeRestore(ctx, e); before || err != nil {
		return Confirmed{}, cmp.Or(err, ErrExpired)
	}
	step, err := s.confirming(e, a.Code)
	if err != nil {
		return Confirmed{}, err
	}
	// Only one confirmation of a user runs at a time: each generates backup codes, which takes
	// seconds of computing.
	if _, busy := s.confirms.LoadOrStore(a.User, true); busy {
		return Confirmed{}, ErrChanged
	}
	defer s.confirms.Delete(a.User)
	c := candidate{user: a.User, replaces: e.Replaces, renew: e.Renew, totp: &store.TOTP{
		ID: e.ID, Secret: s.sealSecret(e.Secret, a.User, e.ID),
		Algorithm: e.Algorithm, Digits: e.Digits, Period: e.Period,
		Floor: step, AddedAt: s.now(), UsedAt: s.now(),
	}}
	if c.codes, c.backup, err = s.firstBackup(ctx, a.User, e); err != nil {
		return Confirmed{}, err
	}
	var done Confirmed
	err = s.store.Update(ctx, s.key(a.User), func(tx store.Tx) (err error) {
		if done.BackupCodes, err = s.activate(tx, c); err != nil {
			return err
		}
		if buy != nil {
			if err := buy(tx); err != nil {
				return err
			}
		}
		if done.Ended, err = s.endOld(tx, e, spare); err != nil {
			return err
		}
		return s.recordConfirmed(tx, a, e, done)
	})
	if err != nil {
		return Confirmed{}, err
	}
	s.measureEnrolment(e)
	return done, nil
}

// endOld ends the sessions and clearances that depended on the earlier factors.
func (s *Service) endOld(tx store.Tx, e Enrolment, spare store.VisitID) ([]store.VisitID, error) {
	if e.Replaces == "" {
		return tx.EndVisits(spare) // other browsers owe a code from now on
	}
	u, err := tx.User()
	if err != nil {
		return nil, err
	}
	ended, err := session.EndAll(tx, &u, s.now(), spare)
	if err != nil {
		return nil, err
	}
	return ended, tx.PutUser(u)
}

// confirming returns the time step of a code for a secret that is not in use yet.
func (s *Service) confirming(e Enrolment, code string) (int64, error) {
	typed, err := parseEntry(KindTOTP, code, &store.TOTP{Digits: e.Digits})
	if err != nil {
		return 0, err
	}
	g, err := newGenerator(e.Secret, e.Algorithm, e.Digits, e.Period)
	if err != nil {
		return 0, err
	}
	now, skew := g.step(s.now()), int64(s.settings.Skew)
	step, ok, err := g.match(typed.digits, now-skew, now+skew)
	if err != nil || ok {
		return step, err
	}
	return 0, g.drift(typed.digits, now)
}

// drift returns ErrClock if the code is right for a step within clockHint of now, else
// ErrWrongCode.
func (g generator) drift(code string, now int64) error {
	for off := int64(1); off <= int64(clockHint/time.Second)/g.period; off++ {
		for _, off := range []int64{off, -off} {
			_, ok, err := g.match(code, now+off, now+off)
			if err != nil {
				return err
			}
			if ok {
				return ErrClock{Drift: time.Duration(off*g.period) * time.Second}
			}
		}
	}
	return ErrWrongCode
}

// firstBackup generates backup codes if Confirm will need them. It runs before the transaction,
// because hashing takes long.
func (s *Service) firstBackup(ctx context.Context, user string, e Enrolment) ([]string, *store.BackupSet, error) {
	u, err := s.store.User(ctx, s.key(user))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, nil, fmt.Errorf("reading the user's factors: %w", err)
	}
	if activeID(&u) != e.Replaces {
		return nil, nil, ErrChanged
	}
	if e.Replaces != "" && !e.Renew && hasBackup(&u) {
		return nil, nil, nil
	}
	return s.newBackup(ctx, user)
}

// activate writes the user with the candidate as the authenticator, and returns the new backup
// codes.
func (s *Service) activate(tx store.Tx, c candidate) (codes []string, err error) {
	u, err := tx.User()
	if errors.Is(err, store.ErrNotFound) {
		u, err = store.User{Key: s.key(c.user), FirstSeen: c.totp.AddedAt}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the user's factors: %w", err)
	}
	if activeID(&u) != c.replaces {
		return nil, ErrChanged
	}
	if err := spendEnrolment(tx, c.totp); err != nil {
		return nil, err
	}
	if c.replaces == "" {
		u.EnabledAt = c.totp.AddedAt
	}
	if c.replaces == "" || c.renew || !hasBackup(&u) {
		if c.backup == nil { // the last backup code was used since firstBackup
			return nil, ErrChanged
		}
		u.Backup, codes = c.backup, c.codes
	}
	u.TOTP, u.Recovery = c.totp, nil            // a recovery code is obsolete
	setFailures(&u, KindTOTP, store.Failures{}) // they were counted for another secret
	return codes, tx.PutUser(u)
}

// spendEnrolment records the confirming step and the enrolment itself as spent. Otherwise the
// sealed cookie of a set-up could activate a factor again after it was removed.
func spendEnrolment(tx store.Tx, t *store.TOTP) error {
	err := tx.Spend("enrolment "+t.ID, t.AddedAt.Add(setUpLife+keepSpent))
	if errors.Is(err, store.ErrSpent) {
		return ErrChanged
	}
	if err != nil {
		return err
	}
	return spendStep(tx, t, t.Floor, t.AddedAt)
}

func activeID(u *store.User) string {
	if u.TOTP == nil {
		return ""
	}
	return u.TOTP.ID
}
