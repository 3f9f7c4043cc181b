// Package backup writes a store's content at one moment into an encrypted file, and makes a store
// of it again. The admin API and the commands call it.
//
// A restore takes everything of a backup or nothing, and revives nothing that may have been spent
// since: no code, no backup code, no clearance.
//
// # The file
//
// It is an age file (age-encryption.org/v1), for recipients or a passphrase. Inside
// are a line that says what it is, a line of JSON (Header), and then the records,
// each as the length of its key, the key, the length of its value, the value, and the
// second since 1970 from when on it may be forgotten, 0 if never; the numbers are
// unsigned varints. Age authenticates all of it, the end included.
//
// # Caveats
//
// The master keys are not in it: who has the file and its passphrase reads names,
// addresses and the audit log, but no secret of an authenticator. So a backup is
// worth nothing without a copy of the keys, which is to be kept elsewhere.
package backup

import (
	"errors"
	"time"
)

// magic is the first line inside.
const magic = "secondgate backup\n"

// format is the version of the layout after the header's line.
const format = 1

// Header is what a backup says of itself.
type Header struct {
	// Format is the layout's version, Engine the storage engine of the store that it was made
	// of. Records are the same in all engines, so that they restore into any.
	Format int    `json:"format"`
	Engine string `json:"engine"`
	// Made is the moment of the snapshot, in UTC.
	Made time.Time `json:"made"`
	// Store is the random name of the store that it was made of.
	Store string `json:"store"`
	// Keys are the IDs of the master keys that records may be sealed with.
	Keys []string `json:"keys"`
	// Records is how many follow.
	Records int `json:"records"`
}

// Why a file is no backup that can be restored; tested with errors.Is.
var (
	// ErrNotBackup: it is something else.
	ErrNotBackup = errors.New("this is not a backup of Secondgate")
	// ErrKey: the passphrase or the identities do not open it.
	ErrKey = errors.New("the backup does not open with this passphrase or identity: it was made for another one")
	// ErrWorkFactor: it asks for more work and memory than any passphrase needs.
	ErrWorkFactor = errors.New("the backup is not opened: its passphrase was made to take more work and memory than is spent on it")
	// ErrDamaged: it was cut off or changed since it was made.
	ErrDamaged = errors.New("the backup is damaged: it was cut off or changed since it was made; use another copy")
	// ErrVersion: it has another layout.
	ErrVersion = errors.New("the backup was made by another version of Secondgate: restore it with that version")
)

// Bounds of what is read, in bytes: beyond the longest key and value of any engine.
const (
	maxHeader = 64 << 10
	maxKey    = 64 << 10
	maxValue  = 2 << 20
)
