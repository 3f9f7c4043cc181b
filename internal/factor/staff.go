package factor

import (
	"context"
	"strconv"
	"time"

	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
)

// Record writes the event of a change by staff, in the transaction of the change. old is the user
// before the change, ended are the clearances that it ends. Record may run several times. Its error
// aborts the change and is returned unchanged.
type Record func(tx store.Tx, old store.User, ended []store.VisitID) error

// Reset removes all factors without a code and ends all sessions of the user. It returns the visits
// with a clearance that ended. Staff use it after they have verified the user's identity. It
// returns store.ErrNotFound for an unknown user, and no error for a user without factors. record
// may be nil.
func (s *Service) Reset(ctx context.Context, user string, record Record) (ended []store.VisitID, err error) {
	return s.change(ctx, user, record, func(tx store.Tx, u *store.User) ([]store.VisitID, error) {
		s.keepSpent(u)
		clearFactors(u)
		return session.EndAll(tx, u, s.now())
	})
}

// Unlock resets the counters of the user's wrong codes, for all addresses. The counters of an
// address over all users remain. If a clock that was ahead has raised the floor, Unlock lowers it,
// so that codes of the next steps are accepted; spent codes remain spent. It returns
// store.ErrNotFound for an unknown user. record may be nil.
func (s *Service) Unlock(ctx context.Context, user string, record Record) error {
	_, err := s.change(ctx, user, record, func(_ store.Tx, u *store.User) ([]store.VisitID, error) {
		u.Failures = nil
		if _, ahead := s.Ahead(u); ahead {
			t := *u.TOTP
			t.Floor = s.now().Unix()/int64(t.Period) + maxSkew
			u.TOTP = &t
		}
		return nil, nil
	})
	if err == nil {
		s.addresses.Forget(user)
	}
	return err
}

// EndVisits ends all sessions of the user, and returns those that had a clearance. It returns
// store.ErrNotFound for an unknown user. record may be nil.
func (s *Service) EndVisits(ctx context.Context, user string, record Record) (ended []store.VisitID, err error) {
	return s.change(ctx, user, record, func(tx store.Tx, u *store.User) ([]store.VisitID, error) {
		return session.EndAll(tx, u, s.now())
	})
}

// EndOthers ends all sessions of the attempt's user except the calling one, and returns those that
// had a clearance. move moves the calling visit to a fresh token, and may run several times; spare
// is its new id. No code is spent.
func (s *Service) EndOthers(ctx context.Context, a Attempt, spare store.VisitID, move func(store.Tx) error) (ended []store.VisitID, err error) {
	record := func(tx store.Tx, _ store.User, ended []store.VisitID) error {
		return tx.Record(s.event(a, store.EventSessionsEnded, "", "sessions_ended", strconv.Itoa(len(ended))))
	}
	return s.change(ctx, a.User, record, func(tx store.Tx, u *store.User) ([]store.VisitID, error) {
		if err := move(tx); err != nil {
			return nil, err
		}
		return session.EndAll(tx, u, s.now(), spare)
	})
}

// change runs fn and record in one transaction about a user. It needs no code.
func (s *Service) change(ctx context.Context, user string, record Record, fn func(store.Tx, *store.User) ([]store.VisitID, error)) (ended []store.VisitID, err error) {
	err = s.store.Update(ctx, s.key(user), func(tx store.Tx) error {
		old, err := tx.User()
		if err != nil {
			return err
		}
		u := old
		if ended, err = fn(tx, &u); err != nil {
			return err
		}
		if record != nil {
			if err := record(tx, old, ended); err != nil {
				return err
			}
		}
		return tx.PutUser(u)
	})
	if err != nil {
		return nil, err
	}
	return ended, nil
}

// Ahead reports whether the authenticator's floor is later than the present time permits, because a
// code was accepted while the clock was ahead. No code of the authenticator is accepted before
// until.
func (s *Service) Ahead(u *store.User) (until time.Time, ahead bool) {
	t := u.TOTP
	if t == nil || t.Period <= 0 || t.Floor <= s.now().Unix()/int64(t.Period)+maxSkew {
		return time.Time{}, false
	}
	return time.Unix((t.Floor+1)*int64(t.Period), 0).UTC(), true
}

// Lock returns whether codes of the user's authenticator are refused now, because of wrong codes or
// of a clock that was ahead. off: they are refused until a backup code or staff unlocks them.
// until: they are refused until then; zero for no wait. Neither applies to backup codes.
func (s *Service) Lock(u *store.User) (off bool, until time.Time) {
	f := u.Failures[KindTOTP]
	if end, blocked := s.settings.Throttle.Blocked(f, s.now()); blocked {
		until = end
	}
	if end, ahead := s.Ahead(u); ahead && end.After(until) {
		until = end
	}
	return s.settings.Throttle.Stopped(f), until
}
