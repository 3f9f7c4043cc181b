package factor

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/binary"
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

// hashMemory is what a hash takes, in KiB; see CheapHashes.
var hashMemory uint32 = argonMemory

// CheapHashes makes hashes cost next to nothing in a test program, where each set-up
// computes ten. Call it before the first hash; any other program panics.
func CheapHashes() {
	if !testing.Testing() {
		panic("cheap hashes outside of a test")
	}
	hashMemory = 8
}

// hashing bounds how many hashes are computed at a time in this process, over all
// realms: each takes argonMemory and a whole core.
var hashing = semaphore.NewWeighted(2)

// hashBackup binds a code to realm and user, so that a set that is copied to another
// user's record opens nothing there. The caller holds hashing.
func (s *Service) hashBackup(code, salt []byte, user string) []byte {
	in := bytes.Clone(code) // always backupBytes long
	in = binary.AppendUvarint(in, uint64(len(s.realm)))
	in = append(append(in, s.realm...), user...)
	return argon2.IDKey(in, salt, argonTime, hashMemory, argonThreads, hashBytes)
}

// newBackup makes a set and its codes as they are shown. It takes a while: call it
// outside of transactions, after a code was accepted.
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

// hashAll makes the set of these codes. It waits for its turn before each.
func (s *Service) hashAll(ctx context.Context, user string, codes [][]byte) (*store.BackupSet, error) {
	salt, err := s.random(saltBytes)
	if err != nil {
		return nil, err
	}
	set := &store.BackupSet{Salt: salt, Total: len(codes), AddedAt: s.now()}
	for _, code := range codes {
		if err := hashing.Acquire(ctx, 1); err != nil {
			return nil, err
		}
		set.Hashes = append(set.Hashes, s.hashBackup(code, salt, user))
		hashing.Release(1)
	}
	return set, nil
}

// hasBackup tells whether the user has a backup code left.
func hasBackup(u *store.User) bool { return u.Backup != nil && len(u.Backup.Hashes) > 0 }

// holds tells whether the hash is that of an unused code of the set.
func holds(set *store.BackupSet, hash []byte) bool {
	found := 0
	for _, h := range set.Hashes {
		found |= subtle.ConstantTimeCompare(h, hash)
	}
	return found == 1
}

// checkBackup tells whether the code is a backup code that is left or, where that may
// be, the outstanding recovery code. The caller holds hashing.
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

// without returns the set without the code of that hash. It changes nothing of set.
func without(set *store.BackupSet, hash []byte) *store.BackupSet {
	rest := *set
	rest.Hashes = slices.DeleteFunc(slices.Clone(set.Hashes), func(h []byte) bool {
		return subtle.ConstantTimeCompare(h, hash) == 1
	})
	return &rest
}
