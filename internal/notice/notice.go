// Package notice decides which security events a user is told of by email, and to which
// address. Package server calls [Mails] for events that it has recorded, and queues the
// mails; package factor calls [New] for the code before a first set-up.
//
// A notice goes only to the address that the portal named. It contains no code, no link and
// no text written by staff.
package notice

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// Keep is how long sending a mail is tried before it is given up.
const Keep = 3 * 24 * time.Hour

// WrongCodes is the kind of the notice that a person with the password entered wrong codes.
const WrongCodes = store.EventThrottled

// soon is the time within which a second notice of the same kind is not sent.
const soon = 5 * time.Minute

// told are the events that a user is told of. kind is the kind of the mail. quiet is how long
// after a mail no other of the same kind is sent. Turning on and off have no quiet time,
// because the last mail must say what holds now.
var told = map[string]struct {
	kind  string
	quiet time.Duration
}{
	store.EventEnrolled:           {store.EventEnrolled, 0},
	store.EventReplaced:           {store.EventReplaced, 0},
	store.EventDisabled:           {store.EventDisabled, 0},
	store.EventBackupGenerated:    {store.EventBackupGenerated, soon},
	store.EventBackupUsed:         {store.EventBackupUsed, 0},
	store.EventRecoveryUsed:       {store.EventRecoveryUsed, 0},
	store.EventThrottled:          {WrongCodes, time.Hour},
	store.EventLocked:             {WrongCodes, time.Hour},
	store.EventSessionsEnded:      {store.EventSessionsEnded, soon},
	store.EventStaffReset:         {store.EventStaffReset, 0},
	store.EventStaffUnlocked:      {store.EventStaffUnlocked, soon},
	store.EventStaffEndedSessions: {store.EventStaffEndedSessions, soon},
	store.EventStaffRecoveryCode:  {store.EventStaffRecoveryCode, 0},
}

// byStaff are the events with the address and browser of a staff member, which Mails leaves
// out.
var byStaff = map[string]bool{
	store.EventStaffReset: true, store.EventStaffUnlocked: true, store.EventStaffEndedSessions: true, store.EventStaffRecoveryCode: true,
}

// Mails returns the mails that tell users of events. A user without an address gets none.
// find must return a user's record or store.ErrNotFound. A single record that can't be read
// is passed over; any other error of find is returned.
func Mails(events []store.Event, find func(store.UserKey) (store.User, error)) ([]store.Mail, error) {
	var mails []store.Mail
	for _, e := range events {
		t, ok := told[e.Kind]
		if !ok || e.User == "" {
			continue
		}
		u, err := find(store.UserKey{Realm: e.Realm, ID: e.User})
		if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrCorrupt) {
			continue // one bad record must not keep the mails about other events back
		}
		if err != nil {
			return nil, fmt.Errorf("looking for a user's address: %w", err)
		}
		to, ok := Address(u.Email)
		if !ok {
			continue
		}
		m := New(u.Key, t.kind, to, u.Language, e.At)
		m.Quiet = t.quiet
		if !byStaff[e.Kind] { // the address of staff is not shown
			m.Address, m.Agent = e.Address, e.Agent
		}
		mails = append(mails, m)
	}
	return mails, nil
}

// New makes a mail that is due at once.
func New(key store.UserKey, kind, to, language string, at time.Time) store.Mail {
	id := make([]byte, 16)
	rand.Read(id)
	return store.Mail{ID: hex.EncodeToString(id), Realm: key.Realm, User: key.ID, To: to, Kind: kind, Language: language,
		At: at, Due: at, Ends: at.Add(Keep)}
}

// maxAddress is the longest address that SMTP carries (RFC 5321 4.5.3.1.3, less the brackets).
const maxAddress = 254

// Address returns the email address in a text that the portal shows, and reports whether it
// is valid. It accepts one plain ASCII address without a name, comment or quotes, so that no
// mail program can read it as another address or as several.
func Address(s string) (string, bool) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > maxAddress || strings.ContainsAny(s, `"<>()[],;:\`) {
		return "", false
	}
	if strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 {
		return "", false
	}
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || a.Name != "" {
		return "", false
	}
	return s, true
}
