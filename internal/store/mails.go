package store

import (
	"errors"
	"time"
)

// Reasons why a mail is not queued, to be tested with errors.Is. Nothing was written then.
var (
	// ErrMailTold: a mail of this kind was queued for the user less than Mail.Quiet ago.
	ErrMailTold = errors.New("the user was just told")
	// ErrMailLimit: MailsPerDay of this kind were queued for the user within 24 hours.
	ErrMailLimit = errors.New("too many mails of this kind to this user today")
	// ErrMailFull: the queue has MaxMails already.
	ErrMailFull = errors.New("too many mails are waiting")
)

const (
	// MaxMails bounds the queue, which grows while the mail server is down.
	MaxMails = 50_000
	// MailsPerDay bounds the mails of one kind to one user within 24 hours. Each kind has its own
	// bound. Otherwise an attacker could cause many mails of one kind to suppress a mail of
	// another.
	MailsPerDay = 10
)

// MailEnrolCode is the Kind of a mail with the code before a first enrolment. All other kinds are
// the kinds of the events that the mails report.
const MailEnrolCode = "enrol_code"

// Mail is an e-mail in the queue. It holds facts and no text: the text is composed when the mail is
// sent, with the brand that is configured then.
type Mail struct {
	// ID is unique and part of the Message-ID. A mail that is sent twice has the same ID both
	// times.
	ID          string
	Realm, User string
	// To is the address as it was when the mail was made.
	To       string
	Kind     string
	Language string
	// At is when the event happened. Address and Agent are of the client that caused it; Address
	// may be empty.
	At             time.Time
	Address, Agent string
	// Secret is the sealed code of an enrolment, which is disclosed in the mail only; nil for other
	// kinds.
	Secret []byte
	// Quiet is for how long after one mail another of its kind to the same user is refused with
	// ErrMailTold; 0 for no such time. It is not stored.
	Quiet time.Duration
	// Due is when the next attempt to send it is made, Ends when it is given up.
	Due, Ends time.Time
	// Tries counts how often it was claimed for sending.
	Tries int
}

// Key names the user that the mail is for.
func (m *Mail) Key() UserKey { return UserKey{Realm: m.Realm, ID: m.User} }

// MailLedger counts the mails of one user, by kind, for a day.
type MailLedger map[string]MailCount

// MailCount is the count of one kind: Count mails since Since, the last at Last.
type MailCount struct {
	Since, Last time.Time
	Count       int
}

// mailDay is the period for which a MailLedger counts.
const mailDay = 24 * time.Hour

// Admit counts a mail, or returns ErrMailTold or ErrMailLimit. It drops counts that are older than
// a day. Engines store the ledger and call Admit, so that all have the same rule.
func (l MailLedger) Admit(m *Mail, now time.Time) error {
	for kind, c := range l {
		if now.Sub(c.Since) >= mailDay && now.Sub(c.Last) >= mailDay || now.Before(c.Since) {
			delete(l, kind)
		}
	}
	c := l[m.Kind]
	if c.Count > 0 && now.Sub(c.Last) < m.Quiet {
		return ErrMailTold
	}
	if now.Sub(c.Since) >= mailDay {
		c = MailCount{Since: now}
	}
	if c.Count >= MailsPerDay {
		return ErrMailLimit
	}
	c.Count, c.Last = c.Count+1, now
	l[m.Kind] = c
	return nil
}

// MailCode is the code by e-mail that is required for a user's first enrolment.
type MailCode struct {
	// Mail is the ID of the mail that carries it.
	Mail string
	// To is the address that it was sent to.
	To string
	// Code is sealed. It is nil after it was spent, or after too many wrong codes.
	Code []byte
	// Expires is when the code expires.
	Expires time.Time
	// Tries counts the wrong codes given against this one.
	Tries int
	// Sent has the times at which codes were sent to this user within the last hour, oldest first.
	Sent []time.Time
	// Failed says that the mail server refused the mail for good.
	Failed bool
}
