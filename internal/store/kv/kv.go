// Package kv is the contract between the domain of the store (package records) and the
// engines that keep its records: an ordered key-value store with transactions.
//
// An engine guarantees: a transaction is written whole or not at all; Update returns nil only
// after the transaction is durable; of two transactions that read a key and change it, the
// second one sees what the first one wrote. Engines are internal/store/badger (one directory,
// one process) and internal/store/memory (tests); kvtest is the suite that each of them passes.
// The contract can be kept by a PostgreSQL table as well; remarks on that stand with [Tx].
//
// [Local] is what engines within one process share.
package kv

import (
	"context"
	"errors"
	"iter"
	"time"
)

// Sentinel errors, to be tested with errors.Is. Package store exports most of them again.
var (
	// ErrNotFound: there is no record under the key.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the transaction lost against others too often; nothing was written.
	ErrConflict = errors.New("too many conflicting changes")
	// ErrUnknown: the connection or the disk failed during the commit. The transaction is
	// written whole or not at all, and the engine can't say which. The caller must not report
	// it as done, nor as refused; a new transaction shows what is there.
	ErrUnknown = errors.New("it is unknown whether the change was written")
	// ErrClosed: the engine was closed; nothing was read or written.
	ErrClosed = errors.New("store is closed")
	// ErrTooLarge: a record or a transaction is larger than engines accept. Nothing was written.
	ErrTooLarge = errors.New("too large to be stored")
	// ErrLocked: another process has opened the engine's files.
	ErrLocked = errors.New("store is in use by another process")
	// ErrDamaged: files of the engine are missing or were changed. The error names them.
	ErrDamaged = errors.New("the store is damaged")
	// ErrGap: changes behind that position were forgotten. Caches must be emptied.
	ErrGap = errors.New("changes before this one were forgotten")
)

// Bounds that every engine supports. A transaction may also be ErrTooLarge if all of its
// records exceed 256 KiB or 2,000 writes.
const (
	MaxKey   = 64_000
	MaxValue = 1 << 20
)

// Record is what stands under a key.
type Record struct {
	Key, Value []byte
	// Expires is from when on the engine may forget the record, by the machine's clock, in
	// whole seconds; zero is never. An engine never forgets it earlier. It may return it
	// later: readers decide by an end within Value whether the record still counts.
	Expires time.Time
}

// Range selects records by their keys, which are ordered bytewise.
type Range struct {
	// From is the least key, To is behind the greatest; nil To has no end.
	From, To []byte
	// Reverse begins with the greatest key.
	Reverse bool
	// KeysOnly leaves Value out.
	KeysOnly bool
	// Size is how many records the caller is going to read, as far as it knows: a hint for
	// the size of batches. 0 is unknown.
	Size int
}

// Prefix selects all keys that begin with prefix, which is not empty.
func Prefix(prefix []byte) Range { return Range{From: prefix, To: after(prefix)} }

// after is the least key that is greater than all keys with this prefix; nil if there is none.
func after(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			to := append([]byte{}, prefix[:i+1]...)
			to[i]++
			return to
		}
	}
	return nil
}

// Reader reads records. It is valid within the function that it is given to, and must not be
// used by several goroutines at once.
type Reader interface {
	// Get returns the value under key, or ErrNotFound. The value is the caller's.
	Get(key []byte) ([]byte, error)
	// Scan iterates over a range, in order. An error ends the iteration. The memory of a
	// record is valid until the next step. Several scans may run interleaved.
	Scan(r Range) iter.Seq2[Record, error]
}

// Tx is one attempt of a transaction. Writes are buffered and committed in one batch at its
// end; Get sees them.
//
// Reads are checked: if another transaction changes, makes or removes a key that Get asked for
// before this one commits, this one is a conflict and runs again. What is written without Get
// replaces what is there (a blind write never conflicts). So Get a key before you change it.
//
// Scans are not checked. A scan shows what was committed when it began, which may be newer than
// what Get shows, and not the transaction's own writes. So Get again what has to be relied on.
//
// In PostgreSQL: READ COMMITTED; an advisory lock on the subject as the first statement; Get is
// SELECT … FOR UPDATE; the batch inserts with ON CONFLICT DO NOTHING what Get did not find, and
// no row then is a conflict.
type Tx interface {
	Reader
	// Set writes a record. The caller must not change its slices afterwards.
	// A record that can't be written makes Update return ErrTooLarge.
	Set(r Record)
	// Delete removes what stands under key, if anything does.
	Delete(key []byte)
}

// Engine keeps records. All methods are safe for concurrent use, give up when ctx ends, and
// return ErrClosed after Close.
type Engine interface {
	// View runs fn on a snapshot: what was committed when it began, whatever is committed
	// meanwhile. It holds no lock. An error of fn is returned as it is.
	View(ctx context.Context, fn func(r Reader) error) error

	// Update runs fn in one transaction. Transactions with the same subject run one after
	// another, in any number of processes; "" is no subject. fn must not call Update. It may
	// run several times, so it must have no effect but through tx; it can ask for another run
	// by returning ErrConflict. Any other error of fn aborts the transaction and is returned as
	// it is. If the commit fails, the error is ErrConflict (too many attempts), ErrTooLarge,
	// ErrClosed or another one where nothing was written, and ErrUnknown where that is unknown.
	Update(ctx context.Context, subject string, fn func(tx Tx) error) error

	// Load writes records in bulk into an engine that is not in use yet, as a restore does.
	// It is not atomic: after an error, the engine has to be thrown away. put takes over the
	// record's memory.
	Load(ctx context.Context, fn func(put func(r Record) error) error) error

	// Changes returns the transactions committed behind the position after, and the position
	// of the last: a feed for caches. It does not wait. Changes(ctx, 0) returns no changes and
	// the position to begin with. A transaction appears after its commit; within the lag of the
	// engine (0 in one process, a poll's interval in several) it may be missing. An engine
	// remembers a bounded number of changes; it returns ErrGap for a position before these,
	// or of another life of the process.
	Changes(ctx context.Context, after uint64) (changes []Change, position uint64, err error)

	// Damage returns ErrDamaged if records may be hidden by damage, so that ErrNotFound does not
	// prove that there was none; nil as far as the engine knows of none.
	Damage() error

	// Close refuses new operations, waits for the running ones and closes the engine. Closing
	// again waits for the first Close and returns its error.
	Close() error
}

// Change names the keys that one transaction wrote or removed.
type Change struct{ Keys [][]byte }

// Fits returns ErrTooLarge for a record beyond the bounds.
func Fits(r Record) error {
	if len(r.Key) == 0 || len(r.Key) > MaxKey || len(r.Value) > MaxValue {
		return ErrTooLarge
	}
	return nil
}
