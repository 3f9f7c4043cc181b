package records

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/kv"
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
	err := t.db.queueMail(t, m)
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
func (d *DB) queueMails(w kv.Tx, mails []store.Mail) error {
	for _, m := range mails {
		err := d.queueMail(w, m)
		if err != nil && !unsent(err) {
			return err
		}
		if errors.Is(err, store.ErrMailFull) || errors.Is(err, store.ErrMailLimit) {
			d.log.Warn("a mail is not sent", zap.String("realm", m.Realm), zap.String("user_id", brief(m.User)), zap.String("mail", m.Kind), zap.NamedError("reason", err))
		}
	}
	return nil
}

func (d *DB) queueMail(w kv.Tx, m store.Mail) error {
	if m.ID == "" || m.To == "" || m.Kind == "" {
		return fmt.Errorf("a mail without id, address or kind")
	}
	key := ledgerKey(m.Key())
	ledger, err := get(w, key, func() string { return "mails of " + nameUser(m.Key()) }, ledgerForm.decode)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if ledger == nil {
		ledger = store.MailLedger{}
	}
	if err := ledger.Admit(&m, d.clock()); err != nil {
		return err
	}
	if n, err := countMails(w); err != nil || n >= store.MaxMails {
		return errors.Join(err, store.ErrMailFull)
	}
	d.set(w, key, ledgerForm.encode(key, &ledger), d.clock().Add(ledgerLife))
	d.putMail(w, &m)
	return nil
}

func (d *DB) putMail(w kv.Tx, m *store.Mail) {
	key := mailKey(m.ID)
	d.set(w, key, mailForm.encode(key, m), time.Time{})
	d.set(w, dueKey(m.Due, m.ID), nil, time.Time{})
}

// CountMails implements store.Store.
func (d *DB) CountMails(ctx context.Context) (int, error) { return view(ctx, d, countMails) }

// countMails counts by a scan, which makes no conflict with changes of the queue.
func countMails(r kv.Reader) (int, error) { return count(r, keysOf(kindMail), store.MaxMails) }

// Mail implements store.Store.
func (d *DB) Mail(ctx context.Context, id string) (store.Mail, error) {
	return view(ctx, d, func(r kv.Reader) (store.Mail, error) { return getMail(r, id) })
}

func getMail(r kv.Reader, id string) (store.Mail, error) {
	return get(r, mailKey(id), func() string { return fmt.Sprintf("mail %q", brief(id)) }, mailForm.decode)
}

// DueMails implements store.Store. Index entries are only hints: each mail's own record decides.
func (d *DB) DueMails(ctx context.Context, until time.Time, limit int) (due []store.Mail, err error) {
	end := dueStamp(until)
	err = d.engine.View(ctx, func(r kv.Reader) error {
		scan := keysOf(kindDue)
		scan.Size = limit
		for found, err := range r.Scan(scan) {
			key := found.Key
			if err != nil || len(due) == limit || len(key) < 10 || binary.BigEndian.Uint64(key[1:]) > end {
				return err
			}
			m, err := get(r, append([]byte{kindMail}, key[9:]...), func() string { return "a mail" }, mailForm.decode)
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
	return d.engine.Update(ctx, string(mailKey(id)), func(w kv.Tx) error {
		m, err := getMail(w, id)
		if err != nil {
			return err
		}
		old := m.Due
		keep, err := fn(&m)
		if err != nil {
			return err
		}
		w.Delete(dueKey(old, id))
		if !keep {
			w.Delete(mailKey(id))
			return nil
		}
		d.putMail(w, &m)
		return nil
	})
}

// MailCode implements store.Tx.
func (t *tx) MailCode() (store.MailCode, error) { return t.db.mailCode(t, t.key) }

// PutMailCode implements store.Tx.
func (t *tx) PutMailCode(c store.MailCode, until time.Time) error {
	key := mailCodeKey(t.key)
	t.set(key, mailCodeForm.encode(key, &mailCode{c, until}), until)
	return nil
}

// MailCode implements store.Store.
func (d *DB) MailCode(ctx context.Context, key store.UserKey) (store.MailCode, error) {
	return view(ctx, d, func(r kv.Reader) (store.MailCode, error) { return d.mailCode(r, key) })
}

func (d *DB) mailCode(r kv.Reader, key store.UserKey) (store.MailCode, error) {
	what := func() string { return "code by e-mail of " + nameUser(key) }
	found, err := get(r, mailCodeKey(key), what, mailCodeForm.decode)
	if err != nil {
		return store.MailCode{}, err
	}
	if d.over(found.until) {
		return store.MailCode{}, store.ErrNotFound
	}
	return found.MailCode, nil
}
