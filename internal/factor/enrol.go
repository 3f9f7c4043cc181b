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
	// secretBytes makes 160 bits (RFC 4226 R6 recommends them).
	secretBytes = 20
	// idBytes makes factor IDs that never meet.
	idBytes = 16
	// setUpLife is how long a set-up may take: time to find and install an app.
	setUpLife = time.Hour
	// clockHint is how far to either side a confirming code is looked for, to say
	// that the clocks differ.
	clockHint = 10 * time.Minute
)

// Enrolment is a set-up in progress. It is kept in the browser, sealed; the store
// knows nothing of it.
type Enrolment struct {
	// ID becomes the factor's.
	ID     string
	Secret []byte
	// Algorithm, Digits and Period (seconds) are those shown in the QR code.
	Algorithm      string
	Digits, Period int
	Started        time.Time
	// Replaces is the ID of the active authenticator that this one is to replace;
	// empty for a first one. Who begins a replacement must have spent a fresh code.
	Replaces string
	// Proven is the email address that was proven by a code before this set-up began. It is
	// empty if no code was required.
	Proven string
	// Renew makes new backup codes in any case: who replaces an authenticator by way of a
	// recovery code has lost those of before.
	Renew bool
}

// Confirmed is what Confirm did.
type Confirmed struct {
	// BackupCodes are new ones, to be shown once; nil when the user keeps those of
	// before.
	BackupCodes []string
	// Ended are the clearances that were ended.
	Ended []store.VisitID
}

// Begin starts the set-up of an authenticator; see Enrolment.Replaces. Only
// randomness can fail.
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

// SecretText is the secret as it is typed into an app: base32 in upper case.
func (e Enrolment) SecretText() string { return secretText.EncodeToString(e.Secret) }

// candidate is an authenticator about to become a user's.
type candidate struct {
	user     string
	totp     *store.TOTP
	replaces string
	renew    bool
	// codes and backup are a new set; nil where none was needed when we looked.
	codes  []string
	backup *store.BackupSet
}

// Confirm makes the enrolment the user's authenticator when the attempt's code is one of its
// present codes, in one transaction with buy (may be nil; may run several times), and
// ends all clearances of the user but spare, which buy may grant. Where another authenticator
// is replaced, all other sessions end. The code is spent by it. Backup codes are made for a first authenticator, where none is left, and where
// the enrolment says so.
// Wrong codes are not counted: the secret is the customer's own and not in use.
//
// It returns ErrMalformed, ErrWrongCode, ErrClock, ErrChanged (another tab is or was first;
// or ErrExpired), or buy's error; then nothing has changed.
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
	// One at a time: each makes backup codes, which takes seconds of computing.
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

// confirming finds the step of a code for a secret that is not in use.
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

// drift is ErrClock when the code is right for a step near now, else ErrWrongCode.
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

// firstBackup makes backup codes, before the transaction, where Confirm will need them.
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

// activate writes the user with the candidate in the place of what it replaces, and
// returns the backup codes that are new.
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
		if c.backup == nil { // the last code went since we looked
			return nil, ErrChanged
		}
		u.Backup, codes = c.backup, c.codes
	}
	u.TOTP, u.Recovery = c.totp, nil            // a recovery code is obsolete
	setFailures(&u, KindTOTP, store.Failures{}) // they were about another secret
	return codes, tx.PutUser(u)
}

// spendEnrolment records the confirming step as spent, and the enrolment itself: the
// sealed cookie of a set-up must not revive a factor that was revoked since.
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
