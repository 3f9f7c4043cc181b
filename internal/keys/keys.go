// Package keys parses and generates master keys ([Parse], [Generate]), derives all other keys
// from them ([Ring.Derive]), and seals secrets for the store ([Ring.Seal]).
//
// A master key never encrypts data itself: each purpose has a key derived by HKDF-SHA256 (RFC
// 5869). A sealed value is bound to its realm, user and field by authenticated data, so it
// does not open in another record.
package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Size is the length of a master key in bytes.
const Size = 32

// maxKeys bounds a key file: rotation needs two, a long history a few more.
const maxKeys = 16

// ID identifies a master key without disclosing anything about it. Two keys of a ring may in
// rare cases share one; Open then tries both.
type ID [4]byte

// String is the ID in hexadecimal, as commands and errors show it.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

const idSize = len(ID{})

// ErrOpen says that a sealed value did not open: it was sealed with another key or for another
// record, or was changed.
var ErrOpen = errors.New("sealed data does not open")

// Ring is a list of master keys, newest first. The newest seals, all open.
type Ring struct {
	keys []masterKey
}

type masterKey struct {
	master []byte
	id     ID
	store  cipher.AEAD
}

// Generate returns a new key file: one line with one random key.
func Generate() string {
	key := make([]byte, Size)
	rand.Read(key)
	return base64.StdEncoding.EncodeToString(key) + "\n"
}

// Parse reads a key file: one key of 32 bytes in base64 on each line, newest
// first; blank lines and lines that start with # are ignored. Errors name the
// line, never its content.
func Parse(text string) (*Ring, error) {
	var ring Ring
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		master, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(master) != Size {
			return nil, fmt.Errorf("line %d of the master keys is not a key: want 32 bytes in base64, as `head -c 32 /dev/urandom | base64` prints them", i+1)
		}
		if len(ring.keys) == maxKeys {
			return nil, fmt.Errorf("more than %d master keys: remove those that no record uses any more", maxKeys)
		}
		k, err := newMasterKey(master)
		if err != nil {
			return nil, err
		}
		ring.keys = append(ring.keys, k)
	}
	if len(ring.keys) == 0 {
		return nil, errors.New("no master key found: want at least one line with 32 bytes in base64")
	}
	return &ring, nil
}

func newMasterKey(master []byte) (masterKey, error) {
	k := masterKey{master: master}
	id, err := hkdf.Key(sha256.New, master, nil, "secondgate key id", idSize)
	if err != nil {
		return k, err
	}
	copy(k.id[:], id)
	key, err := hkdf.Key(sha256.New, master, nil, "secondgate store", Size)
	if err != nil {
		return k, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return k, err
	}
	k.store, err = cipher.NewGCMWithRandomNonce(block)
	return k, err
}

// Newest is the ID of the key that seals.
func (r *Ring) Newest() ID { return r.keys[0].id }

// IDs are those of all keys, newest first.
func (r *Ring) IDs() []ID {
	ids := make([]ID, len(r.keys))
	for i := range r.keys {
		ids[i] = r.keys[i].id
	}
	return ids
}

// KeyOf returns the ID of the key with which a value was sealed. The key may be unknown.
func KeyOf(sealed []byte) (ID, error) {
	if len(sealed) < idSize {
		return ID{}, ErrOpen
	}
	return ID(sealed[:idSize]), nil
}

// Seal encrypts plain with the newest key. bound names the record that it belongs to (realm,
// user, field); Open needs the same words in the same order.
func (r *Ring) Seal(plain []byte, bound ...string) []byte {
	k := &r.keys[0]
	out := make([]byte, idSize, idSize+len(plain)+k.store.Overhead())
	copy(out, k.id[:])
	return k.store.Seal(out, nil, plain, boundData(bound))
}

// Open decrypts what Seal returned, if the ring has the key with which it was sealed, or
// returns ErrOpen.
func (r *Ring) Open(sealed []byte, bound ...string) ([]byte, error) {
	if len(sealed) < idSize {
		return nil, ErrOpen
	}
	aad := boundData(bound)
	for i := range r.keys {
		k := &r.keys[i]
		if string(sealed[:idSize]) != string(k.id[:]) {
			continue
		}
		if plain, err := k.store.Open(nil, nil, sealed[idSize:], aad); err == nil {
			return plain, nil
		}
	}
	return nil, ErrOpen
}

// Derive returns a key of n bytes for a purpose from each master key, newest first.
func (r *Ring) Derive(purpose string, n int) [][]byte {
	out := make([][]byte, len(r.keys))
	for i := range r.keys {
		key, err := hkdf.Key(sha256.New, r.keys[i].master, nil, "secondgate "+purpose, n)
		if err != nil {
			panic("keys: " + err.Error()) // only for lengths no caller asks for
		}
		out[i] = key
	}
	return out
}

// boundData joins the words unambiguously: each is preceded by its length.
func boundData(words []string) []byte {
	var out []byte
	for _, w := range words {
		out = binary.AppendUvarint(out, uint64(len(w)))
		out = append(out, w...)
	}
	return out
}
