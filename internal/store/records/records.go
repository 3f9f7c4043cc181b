package records

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// userVersion 2 brought e-mail address, language and recovery code, 3 the spent backup
// codes, 4 when the user's sessions were ended. visitVersion 2 brought tombstones of
// sessions that were ended.
const (
	userVersion  = 4
	visitVersion = 2
)

func encodeUser(key []byte, u *store.User) []byte {
	e := newEncoderOf(userVersion, 512)
	e.str(u.Key.Realm)
	e.str(u.Key.ID)
	e.str(u.Name)
	e.time(u.FirstSeen)
	e.time(u.EnabledAt)
	e.bool(u.TOTP != nil)
	if u.TOTP != nil {
		e.totp(u.TOTP)
	}
	e.bool(u.Backup != nil)
	if u.Backup != nil {
		e.backup(u.Backup)
	}
	e.int(int64(len(u.Failures)))
	for _, kind := range slices.Sorted(maps.Keys(u.Failures)) {
		e.str(kind)
		e.int(int64(u.Failures[kind].Count))
		e.time(u.Failures[kind].Until)
	}
	e.str(u.Email)
	e.str(u.Language)
	e.bool(u.Recovery != nil)
	if u.Recovery != nil {
		e.recovery(u.Recovery)
	}
	e.bool(u.Spent != nil)
	if u.Spent != nil {
		e.bytes(u.Spent.Key)
		e.bytes(u.Spent.Digests)
		e.bool(u.Spent.Closed)
	}
	e.time(u.SessionsEnded)
	return e.seal(key)
}

func decodeUser(key, record []byte) (store.User, error) {
	var u store.User
	d, version, err := openRecordOf(userVersion, key, record)
	if err != nil {
		return u, err
	}
	u.Key = store.UserKey{Realm: d.str(), ID: d.str()}
	u.Name = d.str()
	u.FirstSeen, u.EnabledAt = d.time(), d.time()
	if d.bool() {
		u.TOTP = d.totp()
	}
	if d.bool() {
		u.Backup = d.backup()
	}
	for range d.count(3) {
		if u.Failures == nil {
			u.Failures = make(map[string]store.Failures)
		}
		u.Failures[d.str()] = store.Failures{Count: int(d.int()), Until: d.time()}
	}
	if version >= 2 {
		u.Email, u.Language = d.str(), d.str()
		if d.bool() {
			u.Recovery = d.recovery()
		}
	}
	if version >= 3 && d.bool() {
		u.Spent = &store.SpentCodes{Key: d.bytes(), Digests: d.bytes(), Closed: d.bool()}
	}
	if version >= 4 {
		u.SessionsEnded = d.time()
	}
	return u, d.finish()
}

func (e *encoder) recovery(r *store.Recovery) {
	e.bytes(r.Salt)
	e.bytes(r.Hash)
	e.time(r.Issued)
	e.time(r.Expires)
	e.str(r.Staff)
}

func (d *decoder) recovery() *store.Recovery {
	return &store.Recovery{Salt: d.bytes(), Hash: d.bytes(), Issued: d.time(), Expires: d.time(), Staff: d.str()}
}

func (e *encoder) totp(t *store.TOTP) {
	e.str(t.ID)
	e.bytes(t.Secret)
	e.str(t.Algorithm)
	e.int(int64(t.Digits))
	e.int(int64(t.Period))
	e.int(t.Floor)
	e.time(t.AddedAt)
	e.time(t.UsedAt)
}

func (d *decoder) totp() *store.TOTP {
	return &store.TOTP{
		ID: d.str(), Secret: d.bytes(), Algorithm: d.str(),
		Digits: int(d.int()), Period: int(d.int()), Floor: d.int(),
		AddedAt: d.time(), UsedAt: d.time(),
	}
}

func (e *encoder) backup(b *store.BackupSet) {
	e.bytes(b.Salt)
	e.int(int64(len(b.Hashes)))
	for _, h := range b.Hashes {
		e.bytes(h)
	}
	e.int(int64(b.Total))
	e.time(b.AddedAt)
	e.time(b.UsedAt)
}

func (d *decoder) backup() *store.BackupSet {
	b := &store.BackupSet{Salt: d.bytes()}
	for range d.count(1) {
		b.Hashes = append(b.Hashes, d.bytes())
	}
	b.Total = int(d.int())
	b.AddedAt, b.UsedAt = d.time(), d.time()
	return b
}

func encodeVisit(key []byte, v *store.Visit) []byte {
	e := newEncoderOf(visitVersion, 256)
	e.str(v.User)
	e.str(v.Factor)
	e.time(v.At)
	e.time(v.LastSeen)
	e.time(v.Expires)
	e.str(v.Address)
	e.str(v.Agent)
	e.int(int64(len(v.Binds)))
	for _, bind := range v.Binds {
		e.b = binary.BigEndian.AppendUint64(e.b, bind)
	}
	e.int(int64(v.Failures))
	e.bool(v.Over)
	return e.seal(key)
}

// decodeVisit reads all but realm and id, which are the caller's question.
func decodeVisit(key, record []byte) (store.Visit, error) {
	var v store.Visit
	d, version, err := openRecordOf(visitVersion, key, record)
	if err != nil {
		return v, err
	}
	v.User, v.Factor = d.str(), d.str()
	v.At, v.LastSeen, v.Expires = d.time(), d.time(), d.time()
	v.Address, v.Agent = d.str(), d.str()
	for range d.count(8) {
		v.Binds = append(v.Binds, binary.BigEndian.Uint64(d.take(8)))
	}
	v.Failures = int(d.int())
	if version >= 2 {
		v.Over = d.bool()
	}
	return v, d.finish()
}

// clearance is one line of the list that a user's clearances are kept in. A visit
// is cleared only if its user's list names it: so ending all of them is one write,
// however many there are, and cannot be overtaken by one that is just being given.
type clearance struct {
	id      store.VisitID
	expires time.Time
}

func encodeClearances(key []byte, list []clearance) []byte {
	e := newEncoder(16 + 44*len(list))
	e.int(int64(len(list)))
	for _, c := range list {
		e.b = append(e.b, c.id[:]...)
		e.time(c.expires)
	}
	return e.seal(key)
}

func decodeClearances(key, record []byte) ([]clearance, error) {
	d, err := openRecord(key, record)
	if err != nil {
		return nil, err
	}
	list := make([]clearance, d.count(len(store.VisitID{})+1))
	for i := range list {
		copy(list[i].id[:], d.take(uint64(len(list[i].id))))
		list[i].expires = d.time()
	}
	return list, d.finish()
}

func encodeTime(key []byte, t time.Time) []byte {
	e := newEncoder(16)
	e.time(t)
	return e.seal(key)
}

func decodeTime(key, record []byte) (time.Time, error) {
	d, err := openRecord(key, record)
	if err != nil {
		return time.Time{}, err
	}
	t := d.time()
	return t, d.finish()
}

func encodeMeta(key, content []byte) []byte {
	e := newEncoder(len(content) + 16)
	e.bytes(content)
	return e.seal(key)
}

func decodeMeta(key, record []byte) ([]byte, error) {
	d, err := openRecord(key, record)
	if err != nil {
		return nil, err
	}
	content := append([]byte{}, d.field()...)
	return content, d.finish()
}
