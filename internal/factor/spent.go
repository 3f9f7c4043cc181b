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
	// digestBytes is the length to which an HMAC-SHA256 is truncated.
	digestBytes = 16
	// maxSpent bounds the digests in a user's record: two for each of 200 used codes. Above it the
	// record is closed; see store.SpentCodes.
	maxSpent = 400
)

// The kinds of digests of a spent code: of the code itself, and of its Argon2 hash. An import may
// contain either.
const (
	spentCode = 'c'
	spentHash = 'h'
)

// spentList is a user's store.SpentCodes with the key decrypted.
type spentList struct {
	key     []byte // nil while nothing was spent
	digests []byte
	closed  bool
}

// openSpent returns keys.ErrOpen if the key was sealed for another user, or with a master key that
// is missing.
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

// unspent returns set, the backup codes of an import, without the codes that this user has spent,
// and the number of those. rest is nil if no code is left.
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

// countSpent returns how many codes of an import unspent would leave out. It computes no Argon2
// hash.
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

// keepSpent closes the record of spent codes if its key can't be opened any more. After staff have
// reset the user, the missing key does not prevent a new set-up.
func (s *Service) keepSpent(u *store.User) {
	if _, err := s.openSpent(u); errors.Is(err, keys.ErrOpen) {
		u.Spent = &store.SpentCodes{Closed: true}
	}
}

// boundSpent returns the authenticated data of the sealed key of a user's digests.
func boundSpent(user store.UserKey) []string {
	return []string{"spent backup codes", user.Realm, user.ID}
}
