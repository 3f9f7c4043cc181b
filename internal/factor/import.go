package factor

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"maps"
	"strconv"

	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
)

// BackupScheme names the method by which hashBackup hashes backup codes. Exports contain it. It
// must be changed whenever hashBackup changes.
const BackupScheme = "argon2id m=19456 t=2 p=1 code+realm+user"

// ErrExists is returned by Import if the user has another authenticator. Nothing was changed.
var ErrExists = errors.New("user has another authenticator")

// hashingImports is a lock: one import at a time hashes backup codes. Imports therefore use at most
// one slot of hashing, which users who sign in need, too.
var hashingImports = make(chan struct{}, 1)

// Import is an authenticator that was set up in another system. Package transfer has checked its
// fields.
type Import struct {
	User   string
	Secret []byte
	// Algorithm, Digits and Period (seconds) are the parameters that the customer's app uses.
	Algorithm      string
	Digits, Period int
	// Codes are backup codes, parsed by ParseBackup. Kept is a set of hashes that was exported for
	// this user of this realm. At most one of the two is set.
	Codes [][]byte
	Kept  *store.BackupSet
}

// Found says what the store has of the user of an import.
type Found int

// The values of Found: no record, a record without a factor, the same authenticator, another
// authenticator.
const (
	FoundNobody Found = iota
	FoundNoFactor
	FoundSame
	FoundOther
)

// Meets returns what Import would find now, and how many of its backup codes would be left out. It
// changes nothing. It fails if the store fails, or if the master key of the user's spent codes is
// missing.
func (s *Service) Meets(ctx context.Context, in *Import) (m Imported, err error) {
	u, err := s.store.User(ctx, s.key(in.User))
	if m.Found, err = s.found(&u, err, in); err != nil || m.Found == FoundNobody || m.Found == FoundSame {
		return m, err
	}
	m.Spent, err = s.countSpent(&u, in)
	return m, err
}

func (s *Service) found(u *store.User, err error, in *Import) (Found, error) {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return FoundNobody, nil
	case err != nil:
		return FoundNobody, fmt.Errorf("reading the user's factors: %w", err)
	case u.TOTP == nil:
		return FoundNoFactor, nil
	case s.same(u, in):
		return FoundSame, nil
	}
	return FoundOther, nil
}

// same reports whether the user's authenticator is the import's. An authenticator with a secret
// that can't be opened counts as another one.
func (s *Service) same(u *store.User, in *Import) bool {
	t := u.TOTP
	if t.Algorithm != in.Algorithm || t.Digits != in.Digits || t.Period != in.Period {
		return false
	}
	secret, err := s.openSecret(u.Key.ID, t)
	return err == nil && subtle.ConstantTimeCompare(secret, in.Secret) == 1
}

// Imported is the result of Import.
type Imported struct {
	Found Found
	// Spent is the number of backup codes that were left out, because the user has used them, or
	// because it is unknown whether the user has.
	Spent int
	// Ended are the clearances that were ended.
	Ended []store.VisitID
}

// Import makes the authenticator the user's, in one transaction with its backup codes and the
// event. Import fills in the event's kind, time, realm, user and factor. The user's clearances
// end; if another authenticator is replaced, all of the user's sessions end.
//
// An import can be repeated. If the user has this authenticator already, nothing is changed: its
// floor does not decrease, and spent backup codes do not return. If the user has another
// authenticator, Import returns ErrExists, or replaces it if replace is set. Its backup codes
// are then kept if the import brings none. Backup codes that the user has used before are left
// out, whether the import has them as codes or as hashes.
func (s *Service) Import(ctx context.Context, in *Import, replace bool, e store.Event) (done Imported, err error) {
	if done, err = s.Meets(ctx, in); err != nil || !done.Found.writes(replace) {
		return done, orExists(done.Found, err)
	}
	t, backup, err := s.imported(ctx, in)
	if err != nil {
		return done, err
	}
	err = s.store.Update(ctx, s.key(in.User), func(tx store.Tx) error {
		u, err := tx.User()
		done = Imported{}
		if done.Found, err = s.found(&u, err, in); err != nil || !done.Found.writes(replace) {
			return orExists(done.Found, err)
		}
		if done.Found == FoundNobody {
			u = store.User{Key: s.key(in.User), FirstSeen: s.now()}
		}
		set, spent, err := s.unspent(&u, in, backup)
		if err != nil {
			return err
		}
		done.Spent = spent
		s.place(&u, t, set)
		if done.Ended, err = s.endImported(tx, &u, done.Found); err != nil {
			return err
		}
		e := importEvent(e, spent)
		e.At, e.Realm, e.User = u.TOTP.AddedAt, s.realm, in.User
		return errors.Join(tx.PutUser(u), tx.Record(e))
	})
	return done, err
}

// endImported ends the sessions and clearances that depended on the earlier factors: all
// sessions if there was another authenticator.
func (s *Service) endImported(tx store.Tx, u *store.User, found Found) ([]store.VisitID, error) {
	if found != FoundOther {
		return tx.EndVisits()
	}
	return session.EndAll(tx, u, s.now())
}

// importEvent is the event of one user's import. Its details are a copy: users are imported
// in parallel.
func importEvent(e store.Event, spent int) store.Event {
	e.Kind, e.Factor = store.EventImported, KindTOTP
	if spent > 0 {
		e.Detail = maps.Clone(e.Detail)
		if e.Detail == nil {
			e.Detail = make(map[string]string)
		}
		e.Detail["backup_codes_left_out"] = strconv.Itoa(spent)
	}
	return e
}

// writes reports whether Import has to write anything.
func (f Found) writes(replace bool) bool {
	return f == FoundNobody || f == FoundNoFactor || f == FoundOther && replace
}

func orExists(f Found, err error) error {
	if err == nil && f == FoundOther {
		return ErrExists
	}
	return err
}

// place puts the authenticator into the record. Its floor becomes the next time step, the last
// step with a code that could be accepted now. A code that another system may have accepted
// before the import is therefore not accepted again.
func (s *Service) place(u *store.User, t *store.TOTP, backup *store.BackupSet) {
	now, placed := s.now(), *t
	placed.AddedAt, placed.Floor = now, now.Unix()/int64(t.Period)+1
	if u.TOTP == nil {
		u.EnabledAt = now
	}
	u.TOTP, u.Recovery = &placed, nil // a recovery code is obsolete
	if backup != nil {
		u.Backup = backup
	}
	setFailures(u, KindTOTP, store.Failures{}) // they were counted for another secret
}

// imported returns the records for an import. It takes long if codes have to be hashed.
func (s *Service) imported(ctx context.Context, in *Import) (*store.TOTP, *store.BackupSet, error) {
	id, err := s.random(idBytes)
	if err != nil {
		return nil, nil, err
	}
	t := &store.TOTP{ID: crockford.EncodeToString(id), Algorithm: in.Algorithm, Digits: in.Digits, Period: in.Period}
	t.Secret = s.sealSecret(in.Secret, in.User, t.ID)
	if len(in.Codes) == 0 {
		return t, in.Kept, nil
	}
	backup, err := s.hashImported(ctx, in)
	return t, backup, err
}

// hashImported returns the set with the hashes of the import's codes. One import at a time waits
// for a hashing slot.
func (s *Service) hashImported(ctx context.Context, in *Import) (*store.BackupSet, error) {
	select {
	case hashingImports <- struct{}{}:
		defer func() { <-hashingImports }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return s.hashAll(ctx, in.User, in.Codes)
}
