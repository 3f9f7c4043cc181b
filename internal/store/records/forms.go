package records

import (
	"cmp"
	"encoding/binary"
	"strings"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// userForm: version 2 brought e-mail address, language and recovery code, 3 the spent backup
// codes, 4 when the user's sessions were ended.
var userForm = form[store.User]{4, 512, func(c *coder, u *store.User) {
	c.str(&u.Key.Realm)
	c.str(&u.Key.ID)
	c.str(&u.Name)
	c.time(&u.FirstSeen)
	c.time(&u.EnabledAt)
	optional(c, &u.TOTP, c.totp)
	optional(c, &u.Backup, c.backup)
	dict(c, &u.Failures, 3, strings.Compare, func(kind *string, f *store.Failures) {
		c.str(kind)
		c.int(&f.Count)
		c.time(&f.Until)
	})
	if c.version >= 2 {
		c.str(&u.Email)
		c.str(&u.Language)
		optional(c, &u.Recovery, c.recovery)
	}
	if c.version >= 3 {
		optional(c, &u.Spent, c.spent)
	}
	if c.version >= 4 {
		c.time(&u.SessionsEnded)
	}
}}

func (c *coder) totp(t *store.TOTP) {
	c.str(&t.ID)
	c.bytes(&t.Secret)
	c.str(&t.Algorithm)
	c.int(&t.Digits)
	c.int(&t.Period)
	c.int64(&t.Floor)
	c.time(&t.AddedAt)
	c.time(&t.UsedAt)
}

func (c *coder) backup(b *store.BackupSet) {
	c.bytes(&b.Salt)
	list(c, &b.Hashes, 1, c.bytes)
	c.int(&b.Total)
	c.time(&b.AddedAt)
	c.time(&b.UsedAt)
}

func (c *coder) recovery(r *store.Recovery) {
	c.bytes(&r.Salt)
	c.bytes(&r.Hash)
	c.time(&r.Issued)
	c.time(&r.Expires)
	c.str(&r.Staff)
}

func (c *coder) spent(s *store.SpentCodes) {
	c.bytes(&s.Key)
	c.bytes(&s.Digests)
	c.bool(&s.Closed)
}

// visitForm has all but realm and id, which are in the key. Version 2 brought tombstones of
// sessions that were ended.
var visitForm = form[store.Visit]{2, 256, func(c *coder, v *store.Visit) {
	c.str(&v.User)
	c.str(&v.Factor)
	c.time(&v.At)
	c.time(&v.LastSeen)
	c.time(&v.Expires)
	c.str(&v.Address)
	c.str(&v.Agent)
	list(c, &v.Binds, 8, func(bind *uint64) {
		var p [8]byte
		binary.BigEndian.PutUint64(p[:], *bind)
		c.raw(p[:])
		*bind = binary.BigEndian.Uint64(p[:])
	})
	c.int(&v.Failures)
	if c.version >= 2 {
		c.bool(&v.SessionEnded)
	}
}}

// clearance is one line of a user's list of clearances. A visit is cleared only if its user's
// list names it. Ending all clearances is therefore one write, however many there are, and
// conflicts with a grant that runs at the same time.
type clearance struct {
	id      store.VisitID
	expires time.Time
}

var clearancesForm = form[[]clearance]{1, 104, func(c *coder, all *[]clearance) {
	list(c, all, len(store.VisitID{})+1, func(one *clearance) {
		c.raw(one.id[:])
		c.time(&one.expires)
	})
}}

var timeForm = form[time.Time]{1, 16, (*coder).time}

// metaForm is of records about the store and of pending events.
var metaForm = form[[]byte]{1, 256, (*coder).bytes}

// entryForm has all but Event, which Raw says.
var entryForm = form[store.Entry]{1, 512, func(c *coder, e *store.Entry) {
	seq, prev, hash := int64(e.Seq), e.Prev[:], e.Hash[:]
	c.int64(&seq)
	c.bytes(&prev)
	c.bytes(&hash)
	c.bytes(&e.Raw)
	e.Seq = uint64(seq)
	copy(e.Prev[:], prev)
	copy(e.Hash[:], hash)
}}

var mailForm = form[store.Mail]{1, 384, func(c *coder, m *store.Mail) {
	for _, s := range []*string{&m.ID, &m.Realm, &m.User, &m.To, &m.Kind, &m.Language, &m.Address, &m.Agent} {
		c.str(s)
	}
	c.time(&m.At)
	c.bytes(&m.Secret)
	c.time(&m.Due)
	c.time(&m.Ends)
	c.int(&m.Tries)
}}

var ledgerForm = form[store.MailLedger]{1, 128, func(c *coder, l *store.MailLedger) {
	dict(c, l, 4, strings.Compare, func(kind *string, n *store.MailCount) {
		c.str(kind)
		c.time(&n.Since)
		c.time(&n.Last)
		c.int(&n.Count)
	})
}}

// mailCode is a code with the end of its record, which engines keep a while longer.
type mailCode struct {
	store.MailCode
	until time.Time
}

var mailCodeForm = form[mailCode]{1, 192, func(c *coder, m *mailCode) {
	c.time(&m.until)
	c.str(&m.Mail)
	c.str(&m.To)
	c.bytes(&m.Code)
	c.time(&m.Expires)
	c.int(&m.Tries)
	list(c, &m.Sent, 1, c.time)
	c.bool(&m.Failed)
}}

var dayForm = form[store.Day]{1, 512, func(c *coder, day *store.Day) {
	c.str(&day.Realm)
	c.str(&day.Date)
	byName := func(a, b store.Count) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) }
	dict(c, &day.Counts, 3, byName, func(what *store.Count, n *int64) {
		c.str(&what.Kind)
		c.str(&what.Name)
		c.int64(n)
	})
}}
