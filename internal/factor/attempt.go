package factor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/throttle"
)

// clearedBudget is how many consecutive wrong codes a cleared visit may give. This budget is
// separate from the user's. A stranger with the password can therefore not use up the budget of
// the owner's visit, and the owner's right codes do not reset the stranger's counter.
const clearedBudget = 5

// Attempt is one attempt of a client to give a code for a user.
type Attempt struct {
	User string
	// Code is the field as it was typed.
	Code string
	// Kind is KindTOTP, KindBackup, or empty: then the code's shape decides.
	Kind string
	// Address is the client's, without port; Agent its User-Agent, for the audit log.
	Address, Agent string
	// Cleared is the visit with the clearance that the attempt is made in. It is nil if the
	// attempt is made to get a clearance. Wrong codes in a cleared visit are counted in that
	// visit only, not in the user's counters or the budgets of addresses. After five, the
	// clearance ends.
	Cleared *store.VisitID
	// Recovery allows recovery codes. It is set for challenges only, because a recovery code is
	// valid for nothing else.
	Recovery bool
}

// Accepted describes an accepted code.
type Accepted struct {
	Kind string
	// Step is the time step of an authenticator's code. Age is how long ago it began by
	// the server's clock, and Period how long it lasts; an Age of 40 s with a Period of
	// 30 s is a code of the step before.
	Step        int64
	Age, Period time.Duration
	// BackupLeft is how many backup codes are left.
	BackupLeft int
	// Staff is the member of staff who issued the recovery code.
	Staff string
}

// try is an attempt with its parsed code.
type try struct {
	Attempt
	entry
	// counted is the user's failure counter after this attempt was counted as a failure.
	counted store.Failures
	// ticket identifies the attempt in the budgets of its address; zero in a cleared visit.
	ticket throttle.Ticket
}

// classOf returns the budget in which failures of a kind are counted.
func classOf(kind string) throttle.Class {
	if kind == KindTOTP {
		return throttle.Guessable
	}
	return throttle.LookUp
}

// enter refuses an attempt without a clearance while the user has to wait, or if the budget of its
// address is used up. Otherwise it counts the attempt in that budget.
func (s *Service) enter(u *store.User, t *try) error {
	if t.Cleared != nil {
		return nil
	}
	// admit checks this again in the transaction. The check here keeps a flood of attempts from the
	// store.
	if err := s.held(u, t.kind); err != nil {
		return err
	}
	ticket, until, ok := s.addresses.Admit(t.Address, t.User, classOf(t.kind))
	if !ok {
		return &Throttled{Until: until, address: true}
	}
	t.ticket = ticket
	return nil
}

// conclude ends the attempt in the budgets of its address. Only a wrong code remains counted. It
// returns err, joined with an error of its own if there was one.
func (s *Service) conclude(ctx context.Context, t *try, err error) error {
	switch {
	case err == nil:
		s.addresses.Refund(t.ticket)
		s.addresses.Know(t.Address, t.User)
	case errors.Is(err, ErrWrongCode):
		if failure := s.recordHeld(ctx, t.Attempt, s.addresses.Fail(t.ticket)); failure != nil {
			return errors.Join(err, failure)
		}
	default: // the code was not checked, or was right and not accepted for another reason
		s.addresses.Refund(t.ticket)
	}
	return err
}

// held returns why no code of a kind may be tried now without a clearance, or nil. The user's
// waits never apply to backup and recovery codes. NIST SP 800-63B-4, section 3.1.2.2, asks for
// throttling of look-up secrets below 64 bits only, and a wait would let an attacker with the
// password block the owner's last factor.
func (s *Service) held(u *store.User, kind string) error {
	if kind != KindTOTP {
		return nil
	}
	f := u.Failures[kind]
	if s.settings.Throttle.Stopped(f) {
		return ErrOff
	}
	if until, blocked := s.settings.Throttle.Blocked(f, s.now()); blocked {
		return &Throttled{Until: until}
	}
	return nil
}

// admit counts the attempt as a failure before the code is checked; accept uncounts it. Parallel
// requests therefore get no more attempts than the policy permits. admit changes the user, and
// the caller writes it.
func (s *Service) admit(tx store.Tx, u *store.User, t *try) (refusal, err error) {
	if t.Cleared != nil {
		return s.admitCleared(tx, *t)
	}
	if err := s.held(u, t.kind); err != nil {
		return nil, err
	}
	t.counted = s.settings.Throttle.Next(u.Failures[t.kind], s.now())
	if t.kind != KindTOTP {
		t.counted.Until = time.Time{}
	}
	setFailures(u, t.kind, t.counted)
	return nil, nil
}

// admitCleared counts the attempt in the cleared visit. If the visit's budget is used up already,
// as after a crash between counting and ending, its session is ended now.
func (s *Service) admitCleared(tx store.Tx, t try) (refusal, err error) {
	v, err := clearance(tx, t)
	if err != nil {
		return nil, err
	}
	if v.Failures >= clearedBudget {
		return fmt.Errorf("%w: %w", ErrChanged, ErrEnded), s.endCleared(tx, t, v.ID)
	}
	v.Failures++
	return nil, tx.PutVisit(v)
}

// clearance returns the clearance of the attempt's visit. It returns ErrEnded if there is none, or
// if it is another user's.
func clearance(tx store.Tx, t try) (store.Visit, error) {
	v, err := tx.Visit(*t.Cleared)
	if errors.Is(err, store.ErrNotFound) || err == nil && v.User != t.User {
		return v, fmt.Errorf("%w: %w", ErrChanged, ErrEnded)
	}
	if err != nil {
		return v, fmt.Errorf("reading the clearance: %w", err)
	}
	return v, nil
}

// refuse concludes an admitted attempt with a wrong code, and records it.
func (s *Service) refuse(tx store.Tx, t try) (refusal, err error) {
	if err := s.recordRefusal(tx, t); err != nil {
		return nil, err
	}
	if t.Cleared == nil {
		return ErrWrongCode, nil
	}
	v, err := tx.Visit(*t.Cleared)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && v.Revoked():
		return fmt.Errorf("%w: %w", ErrWrongCode, ErrEnded), nil
	case err != nil:
		return nil, fmt.Errorf("reading the clearance: %w", err)
	case v.User == t.User && v.Failures >= clearedBudget:
		return fmt.Errorf("%w: %w", ErrWrongCode, ErrEnded), s.endCleared(tx, t, v.ID)
	}
	return ErrWrongCode, nil
}

// pardon resets failure counters after a code was accepted. An authenticator's code in a cleared
// visit does not change the user's counters, as wrong codes there don't; a backup code resets all
// counters.
func pardon(tx store.Tx, u *store.User, t try) error {
	switch {
	case t.kind == KindBackup:
		u.Failures = nil
	case t.Cleared == nil:
		setFailures(u, t.kind, store.Failures{})
	}
	if t.Cleared == nil {
		return nil
	}
	v, err := clearance(tx, t)
	if err != nil {
		return err
	}
	v.Failures = 0
	return tx.PutVisit(v)
}

// setFailures replaces the map, which the engine may share with other readers.
func setFailures(u *store.User, kind string, f store.Failures) {
	all := make(map[string]store.Failures, len(u.Failures)+1)
	maps.Copy(all, u.Failures)
	all[kind] = f
	if f.Count == 0 {
		delete(all, kind)
	}
	u.Failures = all
}
