package factor

import (
	"context"
	"strconv"
	"time"

	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/throttle"
)

// event returns an event about the attempt. pairs are the names and values of its details.
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

// tried returns an event about the code itself. A code in a cleared visit was given for a change of
// the factors; the event then has the detail for=change.
func (s *Service) tried(t try, kind string, pairs ...string) store.Event {
	if t.Cleared != nil {
		pairs = append(pairs, "for", "change")
	}
	return s.event(t.Attempt, kind, t.kind, pairs...)
}

// recordRefusal records a wrong code and its consequence: a wait, or that codes of the
// authenticator are refused from now on. The throttle limits the number of these events: for
// authenticators per user, for other codes per user and address.
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

// recordAccepted records an accepted code. For a backup code it also records how many are left, for
// a recovery code who issued it.
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

// endCleared ends the session in which the attempt was made, because its budget of wrong codes is
// used up.
func (s *Service) endCleared(tx store.Tx, t try, id store.VisitID) error {
	e := s.event(t.Attempt, store.EventSessionEnded, t.kind)
	e.Reason = "too many wrong codes in this session"
	if err := tx.Record(e); err != nil {
		return err
	}
	return session.End(tx, s.realm, id, s.now())
}

// recordHeld records that codes from the client's address are refused for some time because of this
// wrong code. It does nothing if held is nil. throttle.Addresses reports each such period once.
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

// recordConfirmed records that a first authenticator was set up, or that one replaced another.
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
