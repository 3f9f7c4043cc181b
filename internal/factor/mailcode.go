package factor

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/secondgate/secondgate/internal/notice"
	"github.com/secondgate/secondgate/internal/store"
)

const (
	// KindMail is the kind of a code by e-mail, in events.
	KindMail = "mail"
	// MailCodeLife is how long a code by e-mail works.
	MailCodeLife = 15 * time.Minute
	// MailCodeDigits is how many digits it has: 26 bits. Who guesses has mailCodeTries for each of the
	// store.MailsPerDay codes, fifty in a day, and finds one within a hundred years with 2 %.
	MailCodeDigits   = 8
	mailCodeTries    = 5
	mailCodesPerHour = 3
	mailCodeRange    = 100_000_000
)

// Why a code by e-mail is not accepted, besides ErrWrongCode and ErrMalformed.
var (
	// ErrNoMailCode: there is no code that could be given: it is over, was spent, or went
	// to another address.
	ErrNoMailCode = errors.New("no code by e-mail is waited for")
	// ErrMailCodeEnded: this wrong code was one too many; another must be sent.
	ErrMailCodeEnded = errors.New("the code by e-mail was tried too often")
)

// SendMailCode queues a mail with a code for who is about to set up a first factor; a
// code from before ends. It returns *Throttled when as many as an hour allows were sent,
// store.ErrMailLimit or store.ErrMailFull when no mail can be, and ErrChanged when the
// user has a factor.
func (s *Service) SendMailCode(ctx context.Context, a Attempt, to, language string) error {
	code, err := s.newMailCode()
	if err != nil {
		return err
	}
	now := s.now()
	m := notice.New(s.key(a.User), store.MailEnrolCode, to, language, now)
	m.Address, m.Agent, m.Ends = a.Address, a.Agent, now.Add(MailCodeLife)
	m.Secret = s.ring.Seal([]byte(code), s.mailCodeBound(a.User, to)...)
	err = s.store.Update(ctx, s.key(a.User), func(tx store.Tx) error {
		c, err := s.mailCode(tx)
		if err != nil {
			return err
		}
		if len(c.Sent) >= mailCodesPerHour {
			return &Throttled{Until: c.Sent[0].Add(time.Hour)}
		}
		if err := tx.QueueMail(m); err != nil {
			return err
		}
		sent := append(c.Sent[:len(c.Sent):len(c.Sent)], now)
		c = store.MailCode{Mail: m.ID, To: to, Code: m.Secret, Expires: m.Ends, Sent: sent}
		if err := tx.PutMailCode(c, now.Add(time.Hour)); err != nil {
			return err
		}
		return tx.Record(s.event(a, store.EventEnrolMailSent, KindMail))
	})
	if err == nil && s.MailQueued != nil {
		s.MailQueued()
	}
	return err
}

// ProveMail spends the code that was sent to an address. The right code proves that the user
// reads the mail there. A wrong code counts against the sent code, and ends it when there were
// too many.
func (s *Service) ProveMail(ctx context.Context, a Attempt, to string) error {
	typed := gaps.Replace(a.Code)
	if len(typed) != MailCodeDigits || !allDigits(typed) {
		return ErrMalformed
	}
	var refusal error
	err := s.store.Update(ctx, s.key(a.User), func(tx store.Tx) error {
		c, err := s.mailCode(tx)
		if err != nil {
			return err
		}
		if refusal = s.compare(&c, a.User, to, typed); errors.Is(refusal, ErrNoMailCode) {
			return nil // nothing to write
		}
		if err := tx.PutMailCode(c, s.now().Add(time.Hour)); err != nil {
			return err
		}
		if refusal != nil {
			return tx.Record(s.event(a, store.EventFailed, KindMail))
		}
		return tx.Record(s.event(a, store.EventPassed, KindMail))
	})
	if err != nil {
		return err
	}
	return refusal
}

// compare changes the code as the attempt demands: spent, counted, or ended.
func (s *Service) compare(c *store.MailCode, user, to, typed string) error {
	if c.Code == nil || c.To != to || !s.now().Before(c.Expires) {
		return ErrNoMailCode
	}
	right, err := s.ring.Open(c.Code, s.mailCodeBound(user, to)...)
	if err != nil {
		return ErrNoMailCode // sealed with a key that is gone
	}
	if subtle.ConstantTimeCompare(right, []byte(typed)) == 1 {
		c.Code = nil
		return nil
	}
	if c.Tries++; c.Tries >= mailCodeTries {
		c.Code = nil
		return ErrMailCodeEnded
	}
	return ErrWrongCode
}

// mailCode returns the record of codes that were mailed to a user without a factor. It drops the
// times of mails that no longer count.
func (s *Service) mailCode(tx store.Tx) (store.MailCode, error) {
	u, err := tx.User()
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.MailCode{}, fmt.Errorf("reading the user's factors: %w", err)
	}
	if u.Activated() {
		return store.MailCode{}, ErrChanged
	}
	c, err := tx.MailCode()
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return c, err
	}
	for len(c.Sent) > 0 && s.now().Sub(c.Sent[0]) >= time.Hour {
		c.Sent = c.Sent[1:]
	}
	return c, nil
}

// MailedCode is the code that a waiting mail carries, in groups.
func (s *Service) MailedCode(m store.Mail) (string, error) {
	code, err := s.ring.Open(m.Secret, s.mailCodeBound(m.User, m.To)...)
	if err != nil || len(code) != MailCodeDigits {
		return "", errors.Join(err, ErrNoMailCode)
	}
	return string(code[:MailCodeDigits/2]) + " " + string(code[MailCodeDigits/2:]), nil
}

// mailCodeBound binds a code to whom it was made for and where it was sent.
func (s *Service) mailCodeBound(user, to string) []string {
	return []string{s.realm, user, "code by e-mail", to}
}

func (s *Service) newMailCode() (string, error) {
	b, err := s.random(8)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%0*d", MailCodeDigits, binary.BigEndian.Uint64(b)%mailCodeRange), nil
}

// mailProof is what the event of a set-up says of the code by e-mail: nothing where none
// is asked for.
func (s *Service) mailProof(e Enrolment) string {
	switch {
	case !s.settings.EnrolMail || e.Replaces != "":
		return ""
	case e.Proven == "":
		return "no_address"
	}
	return "proven"
}
