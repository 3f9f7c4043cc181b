package records

import (
	"maps"
	"slices"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

func encodeMail(key []byte, m *store.Mail) []byte {
	e := newEncoder(384)
	for _, s := range []string{m.ID, m.Realm, m.User, m.To, m.Kind, m.Language, m.Address, m.Agent} {
		e.str(s)
	}
	e.time(m.At)
	e.bytes(m.Secret)
	e.time(m.Due)
	e.time(m.Ends)
	e.int(int64(m.Tries))
	return e.seal(key)
}

func decodeMail(key, record []byte) (store.Mail, error) {
	var m store.Mail
	d, err := openRecord(key, record)
	if err != nil {
		return m, err
	}
	for _, s := range []*string{&m.ID, &m.Realm, &m.User, &m.To, &m.Kind, &m.Language, &m.Address, &m.Agent} {
		*s = d.str()
	}
	m.At = d.time()
	m.Secret = d.bytes()
	m.Due, m.Ends, m.Tries = d.time(), d.time(), int(d.int())
	return m, d.finish()
}

func encodeLedger(key []byte, l store.MailLedger) []byte {
	e := newEncoder(128)
	e.int(int64(len(l)))
	for _, kind := range slices.Sorted(maps.Keys(l)) {
		c := l[kind]
		e.str(kind)
		e.time(c.Since)
		e.time(c.Last)
		e.int(int64(c.Count))
	}
	return e.seal(key)
}

func decodeLedger(key, record []byte) (store.MailLedger, error) {
	d, err := openRecord(key, record)
	if err != nil {
		return nil, err
	}
	l := store.MailLedger{}
	for range d.count(4) {
		l[d.str()] = store.MailCount{Since: d.time(), Last: d.time(), Count: int(d.int())}
	}
	return l, d.finish()
}

// mailCodeRecord is a code with the end of its record, which Badger keeps a while longer.
type mailCodeRecord struct {
	code  store.MailCode
	until time.Time
}

func encodeMailCode(key []byte, c *store.MailCode, until time.Time) []byte {
	e := newEncoder(192)
	e.time(until)
	e.str(c.Mail)
	e.str(c.To)
	e.bytes(c.Code)
	e.time(c.Expires)
	e.int(int64(c.Tries))
	e.int(int64(len(c.Sent)))
	for _, at := range c.Sent {
		e.time(at)
	}
	e.bool(c.Failed)
	return e.seal(key)
}

func decodeMailCode(key, record []byte) (mailCodeRecord, error) {
	var r mailCodeRecord
	d, err := openRecord(key, record)
	if err != nil {
		return r, err
	}
	r.until = d.time()
	r.code.Mail, r.code.To, r.code.Code = d.str(), d.str(), d.bytes()
	r.code.Expires, r.code.Tries = d.time(), int(d.int())
	for range d.count(1) {
		r.code.Sent = append(r.code.Sent, d.time())
	}
	r.code.Failed = d.bool()
	return r, d.finish()
}
