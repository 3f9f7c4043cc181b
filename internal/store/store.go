// Package store defines what Secondgate stores: users with their factors, visits with their
// clearances, spent codes, the audit log, queued mails, and counts of days.
//
// It has the interface ([Store]), the record types and the sentinel errors. A store guarantees that
// every change is atomic, and durable before the method returns. A code is spent (a TOTP step, a
// backup code) and its clearance is granted in one transaction, or neither is.
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
	// ErrConflict: the transaction conflicted with others too often; nothing was written.
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
	// ErrSpent: the code or token was spent before.
	ErrSpent = errors.New("already spent")
	// ErrCorrupt: a record is there but can't be read. The error names the record, never its content.
	ErrCorrupt = errors.New("record is corrupt")
	// ErrCursor: a listing was continued with a cursor that does not belong to it.
	ErrCursor = errors.New("the cursor is not one of a previous page")
	// ErrNotReady: an index is being built, as after an upgrade. Callers may try again in a minute.
	ErrNotReady = errors.New("an index is being built")
)

// Store is implemented by package records. All methods are safe for concurrent use, end when ctx
// ends, and return ErrClosed after Close.
type Store interface {
	// User returns one user's record, or ErrNotFound.
	User(ctx context.Context, key UserKey) (User, error)

	// Update runs fn in one atomic, synchronously durable transaction about one user. fn may run
	// several times (the engine retries on conflict), so it must have no effects except through tx.
	// If fn returns an error, nothing is written and Update returns that error unchanged.
	Update(ctx context.Context, key UserKey, fn func(tx Tx) error) error

	// Users lists users of a realm in pages, from an index: the cost of a page does not depend on
	// how many users there are. While the index of an older version's store is being built, only
	// listings by name work; others return ErrNotReady.
	Users(ctx context.Context, q UserQuery) (UserPage, error)

	// CountUsers counts a realm's known users, from the index. It reads all entries of the index,
	// so it must not be called often.
	CountUsers(ctx context.Context, realm string) (UserCount, error)

	// Realms returns the realms that have users, in order. It costs one look-up for each realm.
	Realms(ctx context.Context) ([]string, error)

	// Visit returns the record of a visit, or ErrNotFound if there is none or it has expired.
	Visit(ctx context.Context, realm string, id VisitID) (Visit, error)

	// Visits lists a user's live clearances (not revoked tokens), newest first.
	Visits(ctx context.Context, key UserKey) ([]Visit, error)

	// Touch moves LastSeen of these visits forward, never backward. It skips visits without a
	// record. A crash may lose the change, which only ends a clearance earlier.
	Touch(ctx context.Context, realm string, seen map[VisitID]time.Time) error

	// Meta reads a small record about the store itself, or ErrNotFound.
	Meta(ctx context.Context, name string) ([]byte, error)

	// UpdateMeta replaces such a record by the result of fn, which gets the old one, or nil if
	// there is none.
	UpdateMeta(ctx context.Context, name string, fn func(old []byte) ([]byte, error)) error

	// UpdateDay replaces the counts of a realm on one day by the result of fn, which gets the old
	// counts, or an empty Day if there are none. fn may run several times and must not change its
	// argument. The counts are deleted KeepDays after the day.
	UpdateDay(ctx context.Context, realm, date string, fn func(old Day) (Day, error)) error

	// Days returns the counts of all realms from that date on, sorted by realm and date.
	Days(ctx context.Context, from string) ([]Day, error)

	// Record records events in a transaction of its own; see Tx.Record.
	Record(ctx context.Context, events ...Event) error

	// Settle moves pending events into the audit log's hash chain, at most limit of them and
	// roughly the oldest first. fn gets the chain's last entry (Seq 0 if there is none yet) and the
	// pending events in the form of MarshalEvent. It returns the entries to append, and may run
	// several times. All of this is one transaction. Settle returns the number of moved events; if
	// it is 0, fn was not called. Only one caller may run Settle at a time.
	Settle(ctx context.Context, limit int, fn func(last Entry, pending [][]byte) (Settled, error)) (int, error)

	// Entries lists the audit log in pages.
	Entries(ctx context.Context, q EntryQuery) (EntryPage, error)

	// LastEntry returns the newest entry of the chain, or the one that PruneEntries left
	// as its base, or ErrNotFound.
	LastEntry(ctx context.Context) (Entry, error)

	// BaseEntry returns the newest entry that was pruned, without its Raw. The chain begins behind
	// it. It returns ErrNotFound if none was pruned.
	BaseEntry(ctx context.Context) (Entry, error)

	// PruneEntries removes entries of events before that time, at most limit, and returns how many.
	// It removes entries in the order of the chain and stops at the first one that is kept.
	PruneEntries(ctx context.Context, before time.Time, limit int) (int, error)

	// Mail returns a queued mail. It returns ErrNotFound if the mail was sent or given up.
	Mail(ctx context.Context, id string) (Mail, error)

	// DueMails lists queued mails with a Due not after until, the earliest first, at most limit. A
	// mail that can't be read is logged and left out.
	DueMails(ctx context.Context, until time.Time, limit int) ([]Mail, error)

	// UpdateMail changes Due and Tries of a queued mail in one transaction, or removes the mail if
	// fn returns false. If it returns ErrNotFound or an error of fn, nothing was changed. fn may
	// run several times.
	UpdateMail(ctx context.Context, id string, fn func(m *Mail) (keep bool, err error)) error

	// CountMails returns the number of queued mails; it does not count beyond MaxMails.
	CountMails(ctx context.Context) (int, error)

	// MailCode returns the code by e-mail that is required for the user's enrolment, or
	// ErrNotFound.
	MailCode(ctx context.Context, key UserKey) (MailCode, error)

	// Everyone lists the users of all realms in pages, starting after the cursor; the engine
	// determines the order. limit is 1 to 1000. Users who are written meanwhile may be missing or
	// listed twice. Records that can't be read are logged and left out.
	Everyone(ctx context.Context, after string, limit int) (UserPage, error)

	// Snapshot runs fn on a consistent view of all records. It holds no lock, so writes continue
	// meanwhile. Close waits for fn.
	Snapshot(ctx context.Context, fn func(s Snapshot) error) error

	// Check reports whether the store can write durably now, and ErrDamaged if its files
	// were found to be damaged.
	Check(ctx context.Context) error

	// Close waits for running operations and closes the engine.
	Close() error
}

// Tx is one transaction about one user.
type Tx interface {
	// User returns the user's record with the changes of this transaction, or ErrNotFound.
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
	// EndVisits removes all clearances of the transaction's user except the named ones, and returns
	// the removed ones.
	EndVisits(except ...VisitID) ([]VisitID, error)
	// Spend records until the given time that the user spent name. It returns ErrSpent if that is
	// recorded already.
	Spend(name string, until time.Time) error
	// Record records an event. The event is pending until Settle moves it into the audit log.
	Record(e Event) error
	// QueueMail queues a mail to the transaction's user. If it returns ErrMailTold, ErrMailLimit or
	// ErrMailFull, the mail is not sent, and the transaction may continue.
	QueueMail(m Mail) error
	// MailCode returns the code by e-mail that is required for the user's enrolment, or
	// ErrNotFound.
	MailCode() (MailCode, error)
	// PutMailCode replaces that record. It is deleted at the given time.
	PutMailCode(c MailCode, until time.Time) error
}
