package factor

import (
	"context"
	"strconv"
	"time"

	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
)

// Record is what a change for staff writes besides, in the same transaction: the event.
// old is the user as before. It may run several times; its error aborts the change and
// is returned as it is. ended are the clearances that the change ends.
type Record func(tx store.Tx, old store.User, ended []store.VisitID) error

// Reset takes away all factors without a code and ends all sessions of the user; those with
// a clearance it returns: for staff, who have made sure who asks. An unknown user is
// store.ErrNotFound; one without factors is no error. record may be nil.
func (s *Service) Reset(ctx context.Context, user string, record Record) (ended []store.VisitID, err error) {
	return s.change(ctx, user, record, func(tx store.Tx, u *store.User) ([]store.VisitID, error) {
		s.keepSpent(u)
		clearFactors(u)
		return session.EndAll(tx, u, s.now())
	})
}

// Unlock forgets the user's wrong codes, at all addresses too. What an address failed
// over all users stays counted. It also takes back what a clock that was ahead has left:
// codes of the coming steps are good again. Those that were spent stay spent. An unknown user is store.ErrNotFound. record may be nil.
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

// EndVisits ends all sessions of the user, and returns those that had a clearance. An
// unknown user is store.ErrNotFound. record may be nil.
func (s *Service) EndVisits(ctx context.Context, user string, record Record) (ended []store.VisitID, err error) {
	return s.change(ctx, user, record, func(tx store.Tx, u *store.User) ([]store.VisitID, error) {
		return session.EndAll(tx, u, s.now())
	})
}

// EndOthers ends all sessions of the attempt's user but the one that asks, and returns those
// that had a clearance. move moves that one to a fresh token (it may run several times);
// spare is its new id. No code is spent.
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

// change is one transaction about a user, without a code.
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

// Ahead reports whether a code was accepted that is of a later time than now allows: the
// clock was ahead. No code of the authenticator is good before until.
func (s *Service) Ahead(u *store.User) (until time.Time, ahead bool) {
	t := u.TOTP
	if t == nil || t.Period <= 0 || t.Floor <= s.now().Unix()/int64(t.Period)+maxSkew {
		return time.Time{}, false
	}
	return time.Unix((t.Floor+1)*int64(t.Period), 0).UTC(), true
}

// Lock returns what wrong codes, or a clock that was ahead, mean for a user now. off: the
// authenticator's codes are off until a backup code or staff unlocks them. until: the end of a
// wait for them, or zero. Neither applies to backup codes.
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
