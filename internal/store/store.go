// Package store describes what Secondgate remembers: users with their factors, visits with their
// clearances, codes that were spent, the audit log, mails that wait, and numbers of days.
//
// It holds the interface ([Store]), the record types and the sentinel errors that the rest of
// Secondgate knows. A store guarantees that every change is atomic and durable before it is
// reported: what is spent (a TOTP step, a backup code) and what it buys (a clearance) are written
// by one transaction, or not at all.
//
// Package records implements [Store] once, over the ordered key-value engines of package kv
// (badger, memory). The suite in its tests (suite_test.go) runs on all of them.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/secondgate/secondgate/internal/store/kv"
)

// Sentinel errors, to be tested with errors.Is. Those of the engine are the same in package kv.
var (
	// ErrNotFound: there is no such record.
	ErrNotFound = kv.ErrNotFound
	// ErrConflict: the transaction lost against others too often; nothing was written.
	ErrConflict = kv.ErrConflict
	// ErrUnknown: the commit failed, and it is unknown whether the change was written. The
	// caller must not grant anything, and reports neither success nor a refusal.
	ErrUnknown = kv.ErrUnknown
	// ErrClosed: the store was closed; nothing was read or written.
	ErrClosed = kv.ErrClosed
	// ErrLocked: another process holds the store.
	ErrLocked = kv.ErrLocked
	// ErrDamaged: files of the store are missing or were changed. The error names them.
	ErrDamaged = kv.ErrDamaged
	// ErrSpent: what was to be spent had been spent before.
	ErrSpent = errors.New("already spent")
	// ErrCorrupt: a record is there but can't be read. The error names the record, never its content.
	ErrCorrupt = errors.New("record is corrupt")
	// ErrCursor: a listing was continued with a cursor that does not belong to it.
	ErrCursor = errors.New("the cursor is not one of a previous page")
	// ErrNotReady: an index is being built, as after an upgrade; ask again in a minute.
	ErrNotReady = errors.New("an index is being built")
)

// Store is what package records provides. All methods are safe for concurrent use,
// give up when ctx ends, and return ErrClosed after Close.
type Store interface {
	// User returns one user's record, or ErrNotFound.
	User(ctx context.Context, key UserKey) (User, error)

	// Update runs fn in one atomic, synchronously durable transaction about one
	// user. fn may run several times (the engine retries on conflict), so it must
	// have no effect but through tx. An error of fn aborts the transaction and is
	// returned as it is; nothing is written then.
	Update(ctx context.Context, key UserKey, fn func(tx Tx) error) error

	// Users lists users of a realm in pages, from an index: the cost of a page
	// does not depend on how many users there are. While the index of an older version's
	// store is being built, only listings by name are there; others are ErrNotReady.
	Users(ctx context.Context, q UserQuery) (UserPage, error)

	// CountUsers counts a realm's known users, from the index. It walks over all entries:
	// ask now and then only.
	CountUsers(ctx context.Context, realm string) (UserCount, error)

	// Realms returns the realms that have users, in order. It costs a look-up for each.
	Realms(ctx context.Context) ([]string, error)

	// Visit returns what is recorded of a visit, or ErrNotFound. Expired records
	// are not found.
	Visit(ctx context.Context, realm string, id VisitID) (Visit, error)

	// Visits lists a user's live clearances (not revoked tokens), newest first.
	Visits(ctx context.Context, key UserKey) ([]Visit, error)

	// Touch moves LastSeen of these visits forward, never backward, skipping those
	// that are gone. Losing it in a crash only ends a clearance earlier.
	Touch(ctx context.Context, realm string, seen map[VisitID]time.Time) error

	// Meta reads a small record about the store itself, or ErrNotFound.
	Meta(ctx context.Context, name string) ([]byte, error)

	// UpdateMeta replaces such a record by a function of the old one (nil if none).
	UpdateMeta(ctx context.Context, name string, fn func(old []byte) ([]byte, error)) error

	// UpdateDay replaces what is counted of a realm on one day by a function of the old
	// numbers, which are empty if there are none. fn may run several times and must not
	// change what it gets. Numbers of a day are forgotten KeepDays after it.
	UpdateDay(ctx context.Context, realm, date string, fn func(old Day) (Day, error)) error

	// Days returns what is counted of all realms, from that date on, by realm and date.
	Days(ctx context.Context, from string) ([]Day, error)

	// Record records events in a transaction of its own; see Tx.Record.
	Record(ctx context.Context, events ...Event) error

	// Settle moves pending events, at most limit of them and roughly the oldest first, into
	// the chain: fn gets the chain's last entry (Seq 0 if there is none yet) and the pending
	// events as MarshalEvent wrote them, and returns what to append. All of it is one
	// transaction. It returns how many events were settled, 0 if none is pending; then fn
	// is not called. Only one caller at a time may settle. fn may run several times.
	Settle(ctx context.Context, limit int, fn func(last Entry, pending [][]byte) (Settled, error)) (int, error)

	// Entries lists the audit log in pages.
	Entries(ctx context.Context, q EntryQuery) (EntryPage, error)

	// LastEntry returns the newest entry of the chain, or the one that PruneEntries left
	// as its base, or ErrNotFound.
	LastEntry(ctx context.Context) (Entry, error)

	// BaseEntry returns the newest entry that was pruned, without its Raw, or ErrNotFound:
	// the chain begins behind it.
	BaseEntry(ctx context.Context) (Entry, error)

	// PruneEntries removes the oldest entries of events before that time, at most limit,
	// and returns how many. An entry stays while one before it does.
	PruneEntries(ctx context.Context, before time.Time, limit int) (int, error)

	// Mail returns one that waits, or ErrNotFound: it was sent, or given up.
	Mail(ctx context.Context, id string) (Mail, error)

	// DueMails lists mails with a Due not after until, the most urgent first, at most
	// limit. One that can't be read is logged and left out.
	DueMails(ctx context.Context, until time.Time, limit int) ([]Mail, error)

	// UpdateMail changes a waiting mail's Due and Tries in one transaction, or removes
	// it where fn returns false. It returns ErrNotFound, or fn's error, and has then
	// changed nothing. fn may run several times.
	UpdateMail(ctx context.Context, id string, fn func(m *Mail) (keep bool, err error)) error

	// CountMails returns how many mails wait, counting no further than MaxMails.
	CountMails(ctx context.Context) (int, error)

	// MailCode returns the code by e-mail that a user's enrolment waits for, or ErrNotFound.
	MailCode(ctx context.Context, key UserKey) (MailCode, error)

	// Everyone lists the users of all realms in pages, in an order of the engine's own,
	// behind the cursor after; limit is 1 to 1000. Users who are written meanwhile may be
	// missed or met twice. Records that can't be read are logged and left out.
	Everyone(ctx context.Context, after string, limit int) (UserPage, error)

	// Snapshot runs fn on everything that is in the store at one moment. It holds no
	// lock: changes go on meanwhile. Close waits for fn.
	Snapshot(ctx context.Context, fn func(s Snapshot) error) error

	// Check reports whether the store can write durably now, and ErrDamaged if its files
	// were found to be damaged.
	Check(ctx context.Context) error

	// Close waits for running operations and closes the engine.
	Close() error
}

// Tx is one transaction about one user.
type Tx interface {
	// User returns the record as it is in this transaction, or ErrNotFound.
	User() (User, error)
	// PutUser writes the whole record; its Key must be the transaction's.
	PutUser(u User) error
	// DeleteUser removes the record and its index entries (not visits or spent codes).
	DeleteUser() error
	// Visit reads a visit of the transaction's realm, or ErrNotFound.
	Visit(id VisitID) (Visit, error)
	// PutVisit writes a clearance or a revoked token of the transaction's realm. A clearance's
	// User must be the transaction's user.
	PutVisit(v Visit) error
	// DeleteVisit removes a visit's record; removing nothing is no error.
	DeleteVisit(id VisitID) error
	// EndVisits removes all clearances of the transaction's user but those named,
	// and returns what it removed.
	EndVisits(except ...VisitID) ([]VisitID, error)
	// Spend records that name was spent by this user, until the given time, and
	// returns ErrSpent when it is so recorded already.
	Spend(name string, until time.Time) error
	// Record records an event: it is pending until Settle puts it into the audit log.
	Record(e Event) error
	// QueueMail queues a mail to the transaction's user. It returns ErrMailTold,
	// ErrMailLimit or ErrMailFull where the mail is not to be sent; the transaction may
	// go on then.
	QueueMail(m Mail) error
	// MailCode returns the code by e-mail that the user's enrolment waits for, or ErrNotFound.
	MailCode() (MailCode, error)
	// PutMailCode replaces it; it is forgotten at the given time.
	PutMailCode(c MailCode, until time.Time) error
}
