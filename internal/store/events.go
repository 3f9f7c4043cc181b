package store

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"
)

// Event is one security event of the audit log. It holds nothing secret: no code, token, cookie or
// key. The JSON names are those of the exported log.
type Event struct {
	// At is when it happened, in UTC.
	At time.Time `json:"at"`
	// Kind is one of the Event constants.
	Kind string `json:"event"`
	// Realm and User name the user that the event is about. Both are empty for an event about the
	// server.
	Realm string `json:"realm,omitempty"`
	User  string `json:"user_id,omitempty"`
	// Factor is the kind of the factor that was presented or changed: "totp", "backup", "recovery".
	Factor string `json:"factor,omitempty"`
	// Staff is the member of staff who acted, Reason why. Events without staff may have a Reason,
	// too.
	Staff  string `json:"staff,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Address and Agent are the client's address, without port, and its User-Agent.
	Address string `json:"client_ip,omitempty"`
	Agent   string `json:"user_agent,omitempty"`
	// Detail holds further facts that depend on Kind, as short texts.
	Detail map[string]string `json:"detail,omitempty"`
}

// The kinds of events. What happened to a user:
const (
	// EventSignIn: a visit became signed in at the portal.
	EventSignIn = "sign_in"
	// EventSignedOut: a clearance ended with its visit: the user signed out, on an own page
	// or, as Reason says, at the portal, or another user signed in.
	EventSignedOut = "signed_out"
	// EventPassed and EventFailed: a code was accepted, or refused.
	EventPassed = "challenge_passed"
	EventFailed = "challenge_failed"
	// EventThrottled: further codes are refused for some time. EventLocked: codes of the
	// authenticator are refused until a backup code or staff unlocks it.
	EventThrottled = "throttled"
	EventLocked    = "locked"
	// EventEnrolled, EventReplaced and EventDisabled are about the authenticator.
	EventEnrolled = "enrolled"
	EventReplaced = "replaced"
	EventDisabled = "disabled"
	// EventBackupGenerated and EventBackupUsed are about backup codes.
	EventBackupGenerated = "backup_codes_generated"
	EventBackupUsed      = "backup_code_used"
	// EventRecoveryUsed: a recovery code of staff was accepted.
	EventRecoveryUsed = "recovery_code_used"
	// EventSessionEnded: the user ended the session of another browser, or, as Reason says,
	// wrong codes ended this one.
	EventSessionEnded = "session_ended"
	// EventSessionsEnded: the user ended all sessions but that of one browser.
	EventSessionsEnded = "sessions_ended"
	// EventEnrolMailSent and EventEnrolMailFailed: the code before a first enrolment.
	EventEnrolMailSent   = "enrol_mail_sent"
	EventEnrolMailFailed = "enrol_mail_failed"
	// EventImported: the user's factors were imported from another system.
	EventImported = "imported"
)

// What staff did to a user:
const (
	EventStaffReset         = "staff_reset"
	EventStaffUnlocked      = "staff_unlocked"
	EventStaffEndedSessions = "staff_ended_sessions"
	EventStaffRecoveryCode  = "staff_recovery_code"
)

// What happened to the server:
const (
	EventUnknownAnswer = "unknown_answer"
	EventExported      = "exported"
	EventBackupMade    = "backup_made"
	EventRestored      = "restored"
	EventKeyAdded      = "key_added"
	EventKeysRotated   = "keys_rotated"
	EventKeyRemoved    = "key_removed"
	// EventLossAccepted: a member of staff accepted that the store is not the one that the witness
	// expects. Staff and Reason say who and why.
	EventLossAccepted = "loss_accepted"
)

// Bounds of an event's fields in bytes. Longer texts are truncated, because strangers choose names
// and User-Agent headers.
const (
	maxEventField  = 512
	maxEventReason = 2048 // 500 characters in any script
	maxEventDetail = 16
)

// MarshalEvent returns the form of an event that is stored and hashed: one line of JSON with
// bounded fields. Line ends and other control characters are escaped.
func MarshalEvent(e Event) ([]byte, error) {
	if e.Kind == "" || e.At.IsZero() {
		return nil, fmt.Errorf("an event without kind or time: %q", e.Kind)
	}
	e.At = e.At.UTC().Truncate(time.Microsecond)
	for _, field := range []*string{&e.Factor, &e.Staff, &e.Address, &e.Agent} {
		*field = cut(*field, maxEventField)
	}
	e.Reason = cut(e.Reason, maxEventReason)
	if len(e.Detail) > maxEventDetail {
		return nil, fmt.Errorf("event %s has %d details, more than %d", e.Kind, len(e.Detail), maxEventDetail)
	}
	e.Detail = maps.Clone(e.Detail)
	for name, value := range e.Detail {
		e.Detail[name] = cut(value, maxEventField)
	}
	return json.Marshal(e)
}

func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit-3], "") + "…"
}

// UnmarshalEvent parses the result of MarshalEvent.
func UnmarshalEvent(raw []byte) (Event, error) {
	var e Event
	err := json.Unmarshal(raw, &e)
	return e, err
}

// Entry is one line of the audit log: an event in its place in the hash chain.
type Entry struct {
	// Seq counts from 1, without a gap.
	Seq uint64
	// Prev is the Hash of the entry before; zero before the first.
	Prev [32]byte
	// Hash is the hash of Seq, Prev and Raw; package audit computes it.
	Hash [32]byte
	// Raw is the event's JSON, with exactly the bytes that were hashed.
	Raw []byte
	// Event is Raw, parsed.
	Event Event
}

// Settled is the result of the function that Store.Settle calls for pending events.
type Settled struct {
	// Entries are appended to the chain, in this order.
	Entries []Entry
	// Mails are queued by the same transaction. Mails that Tx.QueueMail refuses are left out; a
	// full queue is logged.
	Mails []Mail
}

// EntryQuery asks for a page of the audit log.
type EntryQuery struct {
	// Realm and User restrict to events about them; a User needs a Realm.
	Realm, User string
	// From (inclusive) and To (exclusive) restrict the time of the events; zero means no bound.
	From, To time.Time
	// Newest lists the newest first instead of the oldest.
	Newest bool
	// After is the cursor of the previous page, empty for the first.
	After string
	// Limit is the page's size, 1 to 1000.
	Limit int
}

// EntryPage is one page. Next is empty on the last page only; other pages, too, may hold fewer
// entries than the limit.
type EntryPage struct {
	Entries []Entry
	Next    string
}
