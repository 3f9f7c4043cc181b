package factor

import (
	"context"
	"strconv"
	"time"

	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/throttle"
)

// event is one about the attempt, in the words of the audit log.
func (s *Service) event(a Attempt, kind, factor string, pairs ...string) store.Event {
	e := store.Event{
		At: s.now(), Kind: kind, Realm: s.realm, User: a.User, Factor: factor,
		Address: a.Address, Agent: a.Agent,
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if e.Detail == nil {
			e.Detail = make(map[string]string, len(pairs)/2)
		}
		e.Detail[pairs[i]] = pairs[i+1]
	}
	return e
}

// tried is an event about the code itself. One that was given in a cleared visit was
// for a change of the factors, and says so.
func (s *Service) tried(t try, kind string, pairs ...string) store.Event {
	if t.Cleared != nil {
		pairs = append(pairs, "for", "change")
	}
	return s.event(t.Attempt, kind, t.kind, pairs...)
}

// recordRefusal records a wrong code, and what it brought about: a wait, or that the
// authenticator's codes are off. The throttle bounds how many of these there can be: those
// of an authenticator for each user, others for each address of a user.
func (s *Service) recordRefusal(tx store.Tx, t try) error {
	if t.Cleared != nil {
		return tx.Record(s.tried(t, store.EventFailed))
	}
	n := strconv.Itoa(t.counted.Count)
	if err := tx.Record(s.tried(t, store.EventFailed, "failures", n)); err != nil {
		return err
	}
	if t.kind == KindTOTP && s.settings.Throttle.Stopped(t.counted) {
		return tx.Record(s.tried(t, store.EventLocked, "failures", n))
	}
	if t.counted.Until.IsZero() {
		return nil
	}
	return tx.Record(s.tried(t, store.EventThrottled, "failures", n, "until", t.counted.Until.Format(time.RFC3339)))
}

// recordAccepted records a right code, and which of those there are a number of it was.
func (s *Service) recordAccepted(tx store.Tx, t try, accepted Accepted) error {
	passed := s.tried(t, store.EventPassed)
	passed.Factor = accepted.Kind
	if err := tx.Record(passed); err != nil {
		return err
	}
	switch accepted.Kind {
	case KindBackup:
		return tx.Record(s.event(t.Attempt, store.EventBackupUsed, KindBackup, "left", strconv.Itoa(accepted.BackupLeft)))
	case KindRecovery:
		e := s.event(t.Attempt, store.EventRecoveryUsed, KindRecovery)
		e.Staff = accepted.Staff
		return tx.Record(e)
	}
	return nil
}

// endCleared ends the session that the attempt was made in: its budget is used up.
func (s *Service) endCleared(tx store.Tx, t try, id store.VisitID) error {
	e := s.event(t.Attempt, store.EventSessionEnded, t.kind)
	e.Reason = "too many wrong codes in this session"
	if err := tx.Record(e); err != nil {
		return err
	}
	return session.End(tx, s.realm, id, s.now())
}

// recordHeld records that a wrong code made further ones from its address wait, nil for
// none; once in the throttle's time: see throttle.Addresses.
func (s *Service) recordHeld(ctx context.Context, a Attempt, held *throttle.Held) error {
	if held == nil {
		return nil
	}
	e := s.event(a, store.EventThrottled, "", "until", held.Until.Format(time.RFC3339))
	e.Reason = "too many wrong codes for this user from this address"
	if held.Everyone {
		e.Reason = "too many wrong codes from this address"
	}
	// It is recorded even if the client has gone.
	return s.store.Record(context.WithoutCancel(ctx), e)
}

// recordConfirmed records a first authenticator, or one that replaced another.
func (s *Service) recordConfirmed(tx store.Tx, a Attempt, e Enrolment, done Confirmed) error {
	kind := store.EventEnrolled
	if e.Replaces != "" {
		kind = store.EventReplaced
	}
	pairs := []string{"sessions_ended", strconv.Itoa(len(done.Ended))}
	if n := len(done.BackupCodes); n > 0 {
		pairs = append(pairs, "backup_codes", strconv.Itoa(n))
	}
	if mail := s.mailProof(e); mail != "" {
		pairs = append(pairs, "mail", mail)
	}
	return tx.Record(s.event(a, kind, KindTOTP, pairs...))
}
