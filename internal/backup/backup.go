// Package backup writes a snapshot of a store into an encrypted file ([Write], [Encrypt]), and
// makes a store from it ([Open], [Restore]). The admin API and the commands call it.
//
// A restore is complete or changes nothing. It makes nothing valid again that may have been
// used or revoked since the backup: no code, no backup code, no clearance.
//
// # The file
//
// It is an age file (age-encryption.org/v1), for recipients or a passphrase. Its content is
// the line magic, a line of JSON ([Header]), and the records. A record is the length of its
// key, the key, the length of its value, the value, and the Unix time in seconds at which it
// expires, or 0. The numbers are unsigned varints. Age authenticates all of it, including
// its end.
//
// # Caveats
//
// The master keys are not in the file. With the file and its passphrase one can read names,
// addresses and the audit log, but no secret of an authenticator. A backup can't be restored
// without a copy of the keys, which must be kept elsewhere.
package backup

import (
	"errors"
	"time"
)

// magic is the first line of the decrypted content.
const magic = "secondgate backup\n"

// format is the version of the layout after the header's line.
const format = 1

// Header describes a backup.
type Header struct {
	// Format is the layout's version. Engine is the storage engine of the store that was
	// backed up. Records are the same in all engines, so they can be restored into any.
	Format int    `json:"format"`
	Engine string `json:"engine"`
	// Made is the moment of the snapshot, in UTC.
	Made time.Time `json:"made"`
	// Store is the random name of the store that was backed up.
	Store string `json:"store"`
	// Keys are the IDs of the master keys that records may be sealed with.
	Keys []string `json:"keys"`
	// Records is the number of records that follow.
	Records int `json:"records"`
}

// Why a file can't be restored, to be tested with errors.Is.
var (
	// ErrNotBackup: the file is no backup.
	ErrNotBackup = errors.New("this is not a backup of Secondgate")
	// ErrKey: the passphrase or the identities do not open it.
	ErrKey = errors.New("the backup does not open with this passphrase or identity: it was made for another one")
	// ErrWorkFactor: the file requires more work and memory for its passphrase than is
	// spent; see WorkFactor.
	ErrWorkFactor = errors.New("the backup is not opened: its passphrase was made to take more work and memory than is spent on it")
	// ErrDamaged: it was cut off or changed since it was made.
	ErrDamaged = errors.New("the backup is damaged: it was cut off or changed since it was made; use another copy")
	// ErrVersion: it has another layout.
	ErrVersion = errors.New("the backup was made by another version of Secondgate: restore it with that version")
)

// Bounds of what a Reader accepts, in bytes. They are larger than the longest key and value
// of any engine.
const (
	maxHeader = 64 << 10
	maxKey    = 64 << 10
	maxValue  = 2 << 20
)
