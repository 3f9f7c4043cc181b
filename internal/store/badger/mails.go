package badger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	engine "github.com/dgraph-io/badger/v4"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
)

// ledgerLife is for how long a user's ledger is kept after its last mail.
const ledgerLife = 25 * time.Hour

func mailKey(id string) []byte           { return keyOf(kindMail, id) }
func ledgerKey(k store.UserKey) []byte   { return keyOf(kindLedger, k.Realm, k.ID) }
func mailCodeKey(k store.UserKey) []byte { return keyOf(kindMailCode, k.Realm, k.ID) }
func dueStart(at time.Time) []byte {
	return binary.BigEndian.AppendUint64([]byte{kindDue}, dueStamp(at))
}
func dueKey(at time.Time, id string) []byte { return appendPart(dueStart(at), id) }

// dueStamp sorts as times do; what was due before 1970 is due since then.
func dueStamp(at time.Time) uint64 { return uint64(max(0, at.UnixMicro())) }

// QueueMail implements store.Tx.
func (t *tx) QueueMail(m store.Mail) error {
	if m.Key() != t.key {
		return t.fail(fmt.Errorf("queueing a mail to %s in a change of %s", nameUser(m.Key()), nameUser(t.key)))
	}
	err := t.db.queueMail(t.txn, m)
	if unsent(err) {
		return err
	}
	return t.fail(err)
}

// unsent reports whether a mail is not to be sent, which is no failure.
func unsent(err error) bool {
	return errors.Is(err, store.ErrMailTold) || errors.Is(err, store.ErrMailLimit) || errors.Is(err, store.ErrMailFull)
}

// queueMails queues what a settling brought.
func (d *DB) queueMails(txn *engine.Txn, mails []store.Mail) error {
	for _, m := range mails {
		err := d.queueMail(txn, m)
		if err != nil && !unsent(err) {
			return err
		}
		if errors.Is(err, store.ErrMailFull) || errors.Is(err, store.ErrMailLimit) {
			d.log.Warn("a mail is not sent", zap.String("realm", m.Realm), zap.String("user_id", brief(m.User)), zap.String("mail", m.Kind), zap.NamedError("reason", err))
		}
	}
	return nil
}

func (d *DB) queueMail(txn *engine.Txn, m store.Mail) error {
	if m.ID == "" || m.To == "" || m.Kind == "" {
		return fmt.Errorf("a mail without id, address or kind")
	}
	key := ledgerKey(m.Key())
	ledger, err := get(txn, key, func() string { return "mails of " + nameUser(m.Key()) }, decodeLedger)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if ledger == nil {
		ledger = store.MailLedger{}
	}
	if err := ledger.Admit(&m, d.clock()); err != nil {
		return err
	}
	if n, err := d.countMails(); err != nil || n >= store.MaxMails {
		return errors.Join(err, store.ErrMailFull)
	}
	if err := d.set(txn, key, encodeLedger(key, ledger), d.clock().Add(ledgerLife)); err != nil {
		return err
	}
	return d.putMail(txn, &m)
}

func (d *DB) putMail(txn *engine.Txn, m *store.Mail) error {
	key := mailKey(m.ID)
	if err := d.set(txn, key, encodeMail(key, m), time.Time{}); err != nil {
		return err
	}
	return d.set(txn, dueKey(m.Due, m.ID), nil, time.Time{})
}

// CountMails implements store.Store.
func (d *DB) CountMails(ctx context.Context) (n int, err error) {
	leave, err := d.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	return d.countMails()
}

// countMails counts outside of any transaction: one that had read the whole queue
// would conflict with every change of it.
func (d *DB) countMails() (n int, err error) {
	err = d.db.View(func(txn *engine.Txn) error {
		it := txn.NewIterator(engine.IteratorOptions{Prefix: []byte{kindMail}})
		defer it.Close()
		for it.Rewind(); it.Valid() && n < store.MaxMails; it.Next() {
			n++
		}
		return nil
	})
	return n, err
}

// Mail implements store.Store.
func (d *DB) Mail(ctx context.Context, id string) (m store.Mail, err error) {
	err = d.view(ctx, func(txn *engine.Txn) error {
		m, err = getMail(txn, id)
		return err
	})
	return m, err
}

func getMail(txn *engine.Txn, id string) (store.Mail, error) {
	return get(txn, mailKey(id), func() string { return fmt.Sprintf("mail %q", brief(id)) }, decodeMail)
}

// DueMails implements store.Store. Entries of the index are never believed, only
// looked up.
func (d *DB) DueMails(ctx context.Context, until time.Time, limit int) (due []store.Mail, err error) {
	end := dueStamp(until)
	err = d.view(ctx, func(txn *engine.Txn) error {
		it := txn.NewIterator(engine.IteratorOptions{Prefix: []byte{kindDue}})
		defer it.Close()
		for it.Rewind(); it.Valid() && len(due) < limit; it.Next() {
			key := it.Item().Key()
			if len(key) < 10 || binary.BigEndian.Uint64(key[1:]) > end {
				return nil
			}
			m, err := get(txn, append([]byte{kindMail}, key[9:]...), func() string { return "a mail" }, decodeMail)
			switch {
			case err == nil && dueStamp(m.Due) == binary.BigEndian.Uint64(key[1:]):
				due = append(due, m)
			case err != nil && !errors.Is(err, store.ErrNotFound):
				d.log.Error("a mail can't be sent", zap.Error(err))
			}
		}
		return nil
	})
	return due, err
}

// UpdateMail implements store.Store.
func (d *DB) UpdateMail(ctx context.Context, id string, fn func(m *store.Mail) (keep bool, err error)) error {
	leave, err := d.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return d.write(ctx, func(txn *engine.Txn) error {
		m, err := getMail(txn, id)
		if err != nil {
			return err
		}
		old := m.Due
		keep, err := fn(&m)
		if err != nil {
			return err
		}
		if err := txn.Delete(dueKey(old, id)); err != nil {
			return engineError(err)
		}
		if !keep {
			return engineError(txn.Delete(mailKey(id)))
		}
		return d.putMail(txn, &m)
	})
}

// MailCode implements store.Tx.
func (t *tx) MailCode() (store.MailCode, error) { return t.db.mailCode(t.txn, t.key) }

// PutMailCode implements store.Tx.
func (t *tx) PutMailCode(c store.MailCode, until time.Time) error {
	key := mailCodeKey(t.key)
	return t.set(key, encodeMailCode(key, &c, until), until)
}

// MailCode implements store.Store.
func (d *DB) MailCode(ctx context.Context, key store.UserKey) (c store.MailCode, err error) {
	err = d.view(ctx, func(txn *engine.Txn) error {
		c, err = d.mailCode(txn, key)
		return err
	})
	return c, err
}

func (d *DB) mailCode(txn *engine.Txn, key store.UserKey) (store.MailCode, error) {
	what := func() string { return "code by e-mail of " + nameUser(key) }
	r, err := get(txn, mailCodeKey(key), what, decodeMailCode)
	if err != nil {
		return store.MailCode{}, err
	}
	if d.over(r.until) {
		return store.MailCode{}, store.ErrNotFound
	}
	return r.code, nil
}
