package records_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

var mailTests = []test{
	{"a mail waits until it is removed", testMailWaits},
	{"mails are due in their order", testDueMails},
	{"a mail is claimed once", testClaim},
	{"a settling queues mails", testSettleMails},
	{"an aborted change queues no mail", testAbortedMail},
	{"a user is told once within the quiet time", testQuietMail},
	{"mails to a user are bounded", testMailLimit},
	{"a code by e-mail is kept for its time", testMailCode},
}

// mail has a value in every field that is kept.
func mail(key store.UserKey, n int) store.Mail {
	return store.Mail{
		ID: fmt.Sprintf("mail-%03d", n), Realm: key.Realm, User: key.ID, To: key.ID + "@example.org", Kind: store.EventEnrolled,
		Language: "fi", At: start, Address: "192.0.2.7", Agent: "Browser/1", Secret: []byte("sealed\x00bytes"),
		Due: start.Add(time.Duration(n) * time.Minute), Ends: start.Add(72 * time.Hour), Tries: 2,
	}
}

func (s *suite) queue(m store.Mail) error {
	return s.store.Update(s.ctx, m.Key(), func(tx store.Tx) error { return tx.QueueMail(m) })
}

func (s *suite) due(until time.Time, limit int) (ids []string) {
	s.Helper()
	mails := call(s.store.DueMails(s.ctx, until, limit)).ok(s)
	for _, m := range mails {
		ids = append(ids, m.ID)
	}
	return ids
}

func (s *suite) waiting() int {
	s.Helper()
	n := call(s.store.CountMails(s.ctx)).ok(s)
	return n
}

func testMailWaits(s *suite) {
	m := mail(alice, 1)
	s.ok(s.queue(m))
	s.reopen()
	s.equal(call(s.store.Mail(s.ctx, m.ID)).ok(s), m)
	s.equal(s.waiting(), 1)
	later := m.Due.Add(time.Hour)
	s.ok(s.store.UpdateMail(s.ctx, m.ID, func(m *store.Mail) (bool, error) {
		m.Due, m.Tries = later, m.Tries+1
		return true, nil
	}))
	s.equal(s.due(later.Add(-time.Second), 10), []string(nil))
	s.equal(s.due(later, 10), []string{m.ID})
	s.ok(s.store.UpdateMail(s.ctx, m.ID, func(*store.Mail) (bool, error) { return false, nil }))
	call(s.store.Mail(s.ctx, m.ID)).fails(s, store.ErrNotFound)
	s.equal(s.due(later, 10), []string(nil))
	s.equal(s.waiting(), 0)
	s.fails(s.store.UpdateMail(s.ctx, m.ID, func(*store.Mail) (bool, error) { return true, nil }), store.ErrNotFound)
}

func testDueMails(s *suite) {
	for _, n := range []int{3, 1, 2} {
		s.ok(s.queue(mail(store.UserKey{Realm: realm, ID: fmt.Sprint("user", n)}, n)))
	}
	s.equal(s.due(start, 10), []string(nil))
	s.equal(s.due(start.Add(2*time.Minute), 10), []string{"mail-001", "mail-002"})
	s.equal(s.due(start.Add(time.Hour), 2), []string{"mail-001", "mail-002"})
}

var errTaken = errors.New("taken")

func testClaim(s *suite) {
	m := mail(alice, 0)
	s.ok(s.queue(m))
	claimed := s.each(20, func(int) error {
		return s.store.UpdateMail(s.ctx, m.ID, func(m *store.Mail) (bool, error) {
			if m.Due.After(start) {
				return true, errTaken
			}
			m.Due = start.Add(time.Minute)
			return true, nil
		})
	}, errTaken)
	s.equal(claimed, 1)
}

func testSettleMails(s *suite) {
	s.record(alice)
	settle := func(mails ...store.Mail) error {
		_, err := s.store.Settle(s.ctx, 100, func(last store.Entry, pending [][]byte) (store.Settled, error) {
			out, err := chain(last, pending)
			out.Mails = mails
			return out, err
		})
		return err
	}
	if err := settle(mail(alice, 1), store.Mail{}); err == nil {
		s.Fatal("a mail without an id was queued")
	}
	s.equal(s.waiting(), 0)
	quiet := mail(alice, 2)
	quiet.Quiet = time.Hour
	s.ok(settle(mail(alice, 1), quiet))
	s.equal(s.due(start.Add(time.Hour), 10), []string{"mail-001"})
	s.equal(s.settle(), 0)
}

func testAbortedMail(s *suite) {
	err := s.store.Update(s.ctx, alice, func(tx store.Tx) error {
		s.ok(tx.QueueMail(mail(alice, 1)))
		return errTaken
	})
	s.fails(err, errTaken)
	s.equal(s.waiting(), 0)
	other := mail(store.UserKey{Realm: realm, ID: "bob"}, 1)
	if err := s.store.Update(s.ctx, alice, func(tx store.Tx) error { return tx.QueueMail(other) }); err == nil {
		s.Fatal("a change of one user queued a mail to another")
	}
}

func testQuietMail(s *suite) {
	told := func(n int) error {
		m := mail(alice, n)
		m.Quiet = time.Hour
		return s.queue(m)
	}
	s.ok(told(1))
	s.setClock(start.Add(time.Hour - time.Second))
	s.fails(told(2), store.ErrMailTold)
	other := mail(alice, 3)
	other.Kind = store.EventDisabled
	s.ok(s.queue(other))
	s.setClock(start.Add(time.Hour))
	s.ok(told(4))
	s.equal(s.waiting(), 3)
}

func testMailLimit(s *suite) {
	for n := range store.MailsPerDay {
		s.ok(s.queue(mail(alice, n)))
	}
	s.fails(s.queue(mail(alice, 90)), store.ErrMailLimit)
	s.ok(s.queue(mail(store.UserKey{Realm: "other", ID: alice.ID}, 91)))
	s.reopen()
	s.fails(s.queue(mail(alice, 92)), store.ErrMailLimit)
	s.setClock(start.Add(24 * time.Hour))
	s.ok(s.queue(mail(alice, 93)))
}

func testMailCode(s *suite) {
	call(s.store.MailCode(s.ctx, alice)).fails(s, store.ErrNotFound)
	code := store.MailCode{Mail: "m1", To: "a@example.org", Code: []byte("sealed"), Expires: start.Add(time.Minute), Tries: 3,
		Sent: []time.Time{start, start.Add(time.Second)}, Failed: true}
	s.update(alice, func(tx store.Tx) error { return tx.PutMailCode(code, start.Add(time.Hour)) })
	s.reopen()
	got := call(s.store.MailCode(s.ctx, alice)).ok(s)
	s.equal(got, code)
	s.update(alice, func(tx store.Tx) error {
		s.equal(call(tx.MailCode()).ok(s), code)
		return nil
	})
	call(s.store.MailCode(s.ctx, store.UserKey{Realm: "other", ID: alice.ID})).fails(s, store.ErrNotFound)
	s.setClock(start.Add(time.Hour))
	call(s.store.MailCode(s.ctx, alice)).fails(s, store.ErrNotFound)
}
