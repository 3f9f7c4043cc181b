package factor

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/crypto/argon2"
	"golang.org/x/sync/semaphore"

	"github.com/secondgate/secondgate/internal/store"
)

// Argon2id with OWASP's second set of parameters (Password Storage Cheat Sheet):
// 19 MiB, two passes, one lane.
const (
	argonTime    = 2
	argonMemory  = 19456 // KiB
	argonThreads = 1
	hashBytes    = 32
	saltBytes    = 16
)

// hashMemory is the memory that computing a hash takes, in KiB. Tests lower it with CheapHashes.
var hashMemory uint32 = argonMemory

// CheapHashes lowers the cost of hashes in a test program, because each set-up computes ten. It
// must be called before the first hash. In any other program it panics.
func CheapHashes() {
	if !testing.Testing() {
		panic("cheap hashes outside of a test")
	}
	hashMemory = 8
}

// hashing limits how many hashes the process computes at a time, for all realms together. Each
// takes argonMemory and a whole core.
var hashing = semaphore.NewWeighted(2)

// hashBackup returns the hash of a code, bound to realm and user: a set that is copied to another
// user's record matches no code there. The caller holds hashing.
func (s *Service) hashBackup(code, salt []byte, user string) []byte {
	in := bytes.Clone(code) // always backupBytes long
	in = binary.AppendUvarint(in, uint64(len(s.realm)))
	in = append(append(in, s.realm...), user...)
	return argon2.IDKey(in, salt, argonTime, hashMemory, argonThreads, hashBytes)
}

// newBackup generates a set of backup codes. It returns the codes in the form that is displayed,
// and the record. It takes long, so it must be called outside of transactions, and after a code was
// accepted.
func (s *Service) newBackup(ctx context.Context, user string) ([]string, *store.BackupSet, error) {
	b, err := s.random(s.settings.BackupCodes * backupBytes)
	if err != nil {
		return nil, nil, err
	}
	codes := slices.Collect(slices.Chunk(b, backupBytes))
	shown := make([]string, len(codes))
	for i, code := range codes {
		shown[i] = formatBackup(code)
	}
	set, err := s.hashAll(ctx, user, codes)
	return shown, set, err
}

// hashAll makes the set of these codes. It waits for a hashing slot once, not for each code: other
// users' attempts could otherwise come before every one of its hashes.
func (s *Service) hashAll(ctx context.Context, user string, codes [][]byte) (*store.BackupSet, error) {
	salt, err := s.random(saltBytes)
	if err != nil {
		return nil, err
	}
	set := &store.BackupSet{Salt: salt, Total: len(codes), AddedAt: s.now()}
	if err := hashing.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("waiting to hash backup codes: %w", err)
	}
	defer hashing.Release(1)
	for _, code := range codes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		set.Hashes = append(set.Hashes, s.hashBackup(code, salt, user))
	}
	return set, nil
}

// hasBackup reports whether the user has an unused backup code.
func hasBackup(u *store.User) bool { return u.Backup != nil && len(u.Backup.Hashes) > 0 }

// holds reports whether hash is the hash of an unused code of the set.
func holds(set *store.BackupSet, hash []byte) bool {
	found := 0
	for _, h := range set.Hashes {
		found |= subtle.ConstantTimeCompare(h, hash)
	}
	return found == 1
}

// checkBackup reports whether the code is an unused backup code or, if the attempt allows it, the
// user's recovery code. The caller holds hashing.
func (s *Service) checkBackup(u *store.User, t try) (p proof, ok bool) {
	p.code = t.backup
	if hasBackup(u) {
		p.hash = s.hashBackup(t.backup, u.Backup.Salt, t.User)
		if holds(u.Backup, p.hash) {
			return p, true
		}
	}
	if !t.Recovery || !s.recoverable(u) {
		return p, false
	}
	p.hash, p.recovery = s.hashBackup(t.backup, u.Recovery.Salt, t.User), true
	return p, s.recovers(u, p)
}

// without returns a copy of the set without the code that has this hash.
func without(set *store.BackupSet, hash []byte) *store.BackupSet {
	rest := *set
	rest.Hashes = slices.DeleteFunc(slices.Clone(set.Hashes), func(h []byte) bool {
		return subtle.ConstantTimeCompare(h, hash) == 1
	})
	return &rest
}
