package factor

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/store"
)

const (
	// digestBytes is what is kept of an HMAC-SHA256.
	digestBytes = 16
	// maxSpent bounds the digests in a user's record: two for each of 200 used codes.
	// Then the record is closed, see store.SpentCodes.
	maxSpent = 400
)

// What a digest of a spent code is made of. A file may bring the code itself, or its
// Argon2 hash as an export has it.
const (
	spentCode = 'c'
	spentHash = 'h'
)

// spentList is a user's store.SpentCodes with its key opened.
type spentList struct {
	key     []byte // nil while nothing was spent
	digests []byte
	closed  bool
}

// openSpent fails with keys.ErrOpen when the key was sealed for another user, or with a
// master key that is not there.
func (s *Service) openSpent(u *store.User) (l spentList, err error) {
	if u.Spent == nil {
		return l, nil
	}
	l.digests, l.closed = u.Spent.Digests, u.Spent.Closed
	if len(u.Spent.Key) == 0 {
		return l, nil
	}
	if l.key, err = s.ring.Open(u.Spent.Key, boundSpent(u.Key)...); err != nil {
		return l, fmt.Errorf("opening the key of the spent backup codes of user %q in realm %q: %w", u.Key.ID, u.Key.Realm, err)
	}
	return l, nil
}

func (l spentList) digest(kind byte, of []byte) []byte {
	mac := hmac.New(sha256.New, l.key)
	mac.Write([]byte{kind})
	mac.Write(of)
	return mac.Sum(nil)[:digestBytes]
}

// has reports whether a code, or its hash, was spent.
func (l spentList) has(kind byte, of []byte) bool {
	if len(l.key) == 0 {
		return false
	}
	digest, found := l.digest(kind, of), false
	for known := range slices.Chunk(l.digests, digestBytes) {
		found = hmac.Equal(known, digest) || found
	}
	return found
}

// noteSpent records that a backup code was accepted, so that neither an import nor a
// restore of the store makes it valid again.
func (s *Service) noteSpent(u *store.User, l spentList, p proof) error {
	spent := store.SpentCodes{Closed: l.closed || len(l.digests) >= maxSpent*digestBytes}
	if u.Spent != nil {
		spent.Key = u.Spent.Key
	}
	if len(l.key) == 0 {
		key, err := s.random(sha256.Size)
		if err != nil {
			return err
		}
		l.key, spent.Key = key, s.ring.Seal(key, boundSpent(u.Key)...)
	}
	spent.Digests = l.digests
	if len(l.digests) < maxSpent*digestBytes {
		spent.Digests = slices.Concat(l.digests, l.digest(spentCode, p.code), l.digest(spentHash, p.hash))
	}
	u.Spent = &spent
	return nil
}

// unspent returns the set that an import brings without the codes that this user has
// spent, and how many those are; nil where none is left.
func (s *Service) unspent(u *store.User, in *Import, set *store.BackupSet) (rest *store.BackupSet, dropped int, err error) {
	if set == nil || u.Spent == nil {
		return set, 0, nil
	}
	l, err := s.openSpent(u)
	if err != nil {
		return nil, 0, err
	}
	left := *set
	left.Hashes = nil
	for i, hash := range set.Hashes {
		if l.closed || l.has(spentHash, hash) || len(in.Codes) > 0 && l.has(spentCode, in.Codes[i]) {
			dropped++
			continue
		}
		left.Hashes = append(left.Hashes, bytes.Clone(hash))
	}
	if len(left.Hashes) == 0 {
		return nil, dropped, nil
	}
	return &left, dropped, nil
}

// countSpent is how many codes of an import unspent would leave out. It hashes nothing.
func (s *Service) countSpent(u *store.User, in *Import) (n int, err error) {
	if len(in.Codes) == 0 {
		_, n, err = s.unspent(u, in, in.Kept)
		return n, err
	}
	if u.Spent == nil {
		return 0, nil
	}
	l, err := s.openSpent(u)
	for _, code := range in.Codes {
		if l.closed || l.has(spentCode, code) {
			n++
		}
	}
	return n, err
}

// keepSpent closes the record if its key does not open any more: when staff have taken
// all factors away, the user may go on with new ones.
func (s *Service) keepSpent(u *store.User) {
	if _, err := s.openSpent(u); errors.Is(err, keys.ErrOpen) {
		u.Spent = &store.SpentCodes{Closed: true}
	}
}

// boundSpent is what the key of a user's digests is sealed to.
func boundSpent(user store.UserKey) []string {
	return []string{"spent backup codes", user.Realm, user.ID}
}
