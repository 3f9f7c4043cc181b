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
	// KindMail is the kind of codes by e-mail. Only events have it.
	KindMail = "mail"
	// MailCodeLife is how long a code by e-mail is valid.
	MailCodeLife = 15 * time.Minute
	// MailCodeDigits is the number of its digits: 26 bits. An attacker has mailCodeTries guesses
	// for each of store.MailsPerDay codes, 50 in a day. The probability of a hit within 100 years
	// is 2 %.
	MailCodeDigits   = 8
	mailCodeTries    = 5
	mailCodesPerHour = 3
	mailCodeRange    = 100_000_000
)

// Further reasons why a code by e-mail is not accepted, besides ErrWrongCode and ErrMalformed.
var (
	// ErrNoMailCode: no code is valid now: none was sent, or it has expired, was spent, or was sent
	// to another address.
	ErrNoMailCode = errors.New("no code by e-mail is waited for")
	// ErrMailCodeEnded: after this wrong code, the sent code is no longer valid. Another one must
	// be sent.
	ErrMailCodeEnded = errors.New("the code by e-mail was tried too often")
)

// SendMailCode queues a mail with a code for a user who is about to set up a first factor. An
// earlier code is no longer valid. SendMailCode returns *Throttled if mailCodesPerHour codes were
// sent within the last hour, store.ErrMailLimit or store.ErrMailFull if no mail can be queued, and
// ErrChanged if the user has a factor.
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

// ProveMail checks a code that was sent to the address to, and spends it. The right code proves
// that the user can read mails to that address. Wrong codes are counted; after mailCodeTries of
// them the sent code is no longer valid.
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

// compare checks a typed code, and changes c: the code was spent, a wrong code was counted, or the
// code is no longer valid.
func (s *Service) compare(c *store.MailCode, user, to, typed string) error {
	if c.Code == nil || c.To != to || !s.now().Before(c.Expires) {
		return ErrNoMailCode
	}
	right, err := s.ring.Open(c.Code, s.mailCodeBound(user, to)...)
	if err != nil {
		return ErrNoMailCode // it was sealed with a master key that was removed
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

// MailedCode returns the code of a queued mail, written in two groups.
func (s *Service) MailedCode(m store.Mail) (string, error) {
	code, err := s.ring.Open(m.Secret, s.mailCodeBound(m.User, m.To)...)
	if err != nil || len(code) != MailCodeDigits {
		return "", errors.Join(err, ErrNoMailCode)
	}
	return string(code[:MailCodeDigits/2]) + " " + string(code[MailCodeDigits/2:]), nil
}

// mailCodeBound returns the authenticated data of a sealed code: it binds the code to the user and
// the address.
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

// mailProof returns the detail of a set-up's event about the code by e-mail; "" if none is
// required.
func (s *Service) mailProof(e Enrolment) string {
	switch {
	case !s.settings.EnrolMail || e.Replaces != "":
		return ""
	case e.Proven == "":
		return "no_address"
	}
	return "proven"
}
