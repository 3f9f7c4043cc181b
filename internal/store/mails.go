package store

import (
	"errors"
	"time"
)

// Why a mail is not queued; tested with errors.Is. Nothing was written for it.
var (
	// ErrMailTold: a mail of this kind went to the user just before; see Mail.Quiet.
	ErrMailTold = errors.New("the user was just told")
	// ErrMailLimit: the user got MailsPerDay of this kind today.
	ErrMailLimit = errors.New("too many mails of this kind to this user today")
	// ErrMailFull: MaxMails wait already.
	ErrMailFull = errors.New("too many mails are waiting")
)

const (
	// MaxMails bounds the queue: what waits while the mail server is down.
	MaxMails = 50_000
	// MailsPerDay bounds the mails of one kind to one user within 24 hours. Each kind
	// has a bound of its own, so that none can be provoked to silence another.
	MailsPerDay = 10
)

// MailEnrolCode is the Kind of a mail with the code before a first enrolment. All other
// kinds are those of the events that they tell of.
const MailEnrolCode = "enrol_code"

// Mail is an e-mail that waits to be sent. It is a claim and not yet text: its words
// are made in the language and for the brand of the moment when it is sent.
type Mail struct {
	// ID is unique and stays: a mail that is sent twice has one Message-ID.
	ID          string
	Realm, User string
	// To is the address as it was when the mail was made.
	To       string
	Kind     string
	Language string
	// At is when it happened, Address and Agent from where; Address may be empty.
	At             time.Time
	Address, Agent string
	// Secret is what only the mail may say, sealed: an enrolment's code. Else nil.
	Secret []byte
	// Quiet is for how long after one mail another of its kind to the same user is
	// ErrMailTold; 0 is never. It is not kept.
	Quiet time.Duration
	// Due is when it is to be tried next, Ends when it is given up.
	Due, Ends time.Time
	// Tries counts how often it was claimed for sending.
	Tries int
}

// Key names the user that the mail is for.
func (m *Mail) Key() UserKey { return UserKey{Realm: m.Realm, ID: m.User} }

// MailLedger is what is remembered of the mails of one user, by kind, for a day.
type MailLedger map[string]MailCount

// MailCount is of one kind: how many since when, and the last.
type MailCount struct {
	Since, Last time.Time
	Count       int
}

// Day is how long a MailLedger counts.
const mailDay = 24 * time.Hour

// Admit counts a mail, or returns ErrMailTold or ErrMailLimit. It forgets what is older
// than a day. Engines keep the ledger; this is the rule for all of them.
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

// MailCode is the code by e-mail that a user's first enrolment waits for.
type MailCode struct {
	// Mail is the ID of the mail that carries it.
	Mail string
	// To is the address that it was sent to.
	To string
	// Code is sealed; nil once it was spent, or tried too often.
	Code []byte
	// Expires is the code's end.
	Expires time.Time
	// Tries counts the wrong codes given against this one.
	Tries int
	// Sent is when codes were sent to this user, oldest first, as far as it still counts.
	Sent []time.Time
	// Failed says that the mail server refused the mail for good.
	Failed bool
}
