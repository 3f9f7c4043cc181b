package records

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// Keys are a kind and then parts:
//
//	u realm id                    a user
//	n realm status name id        index of users by lower-case name
//	i realm status id id          index of users by lower-case id
//	w realm status email id       index of users by lower-case e-mail address
//	g realm status time id        index of users by when they turned it on (8 bytes as a part)
//	h realm status time id        index of users by when they last used a factor
//	c realm id                    a user's clearances
//	v realm visit                 a visit (32 bytes, no part)
//	s realm id name               something spent
//	d realm date                  what is counted of a realm on one day
//	m name                        a record about the store
//	p time random                 a pending event (8 bytes each, no parts)
//	e seq                         an entry of the audit log (8 bytes, no part)
//	a realm user seq              index of entries by user
//	o id                          a mail that waits
//	t time id                     index of mails by when they are due (8 bytes and a part)
//	l realm id                    the ledger of a user's mails
//	x realm id                    the code by e-mail that a user's enrolment waits for
//	k                             what Check writes
//
// Parts may hold any bytes: a zero byte becomes 00 FF and a part ends with 00 01,
// so that no two lists of parts meet and keys sort as their parts do. Of a part
// beyond partLimit only the head is kept, and 00 02 with the SHA-256 of the whole
// ends it: Badger's keys end at 65,000 bytes, and names come from strangers.
const (
	kindUser       = 'u'
	kindByName     = 'n'
	kindByID       = 'i'
	kindByEmail    = 'w'
	kindByEnabled  = 'g'
	kindByUsed     = 'h'
	kindClearances = 'c'
	kindVisit      = 'v'
	kindSpent      = 's'
	kindDay        = 'd'
	kindMeta       = 'm'
	kindCheck      = 'k'
	kindPending    = 'p'
	kindEntry      = 'e'
	kindByUser     = 'a'
	kindMail       = 'o'
	kindDue        = 't'
	kindLedger     = 'l'
	kindMailCode   = 'x'
)

// Every user has entries under one of the first two, and those who are throttled under
// the third too.
const (
	statusOn        = '1' // the user has a second factor
	statusOff       = '0'
	statusThrottled = 't'
)

// timed are the indexes of times, which only users with a second factor are in.
var timed = map[store.Sort]byte{store.ByEnabled: kindByEnabled, store.ByUsed: kindByUsed}

const partLimit = 200

func appendPart(key []byte, part string) []byte {
	key = appendEscaped(key, head(part))
	if len(part) <= partLimit {
		return append(key, 0, 1)
	}
	sum := sha256.Sum256([]byte(part))
	return append(append(key, 0, 2), sum[:]...)
}

func appendEscaped(key []byte, s string) []byte {
	for i := range len(s) {
		key = append(key, s[i])
		if s[i] == 0 {
			key = append(key, 0xff)
		}
	}
	return key
}

// unescaped is the text of a part that appendPart wrote, or its head.
func unescaped(part []byte) string {
	if i := bytes.Index(part, []byte{0, 2}); i >= 0 {
		part = part[:i]
	}
	part = bytes.TrimSuffix(part, []byte{0, 1})
	return string(bytes.ReplaceAll(part, []byte{0, 0xff}, []byte{0}))
}

// head is as much of a part as a key keeps.
func head(part string) string { return part[:min(len(part), partLimit)] }

// partLen returns the length of the part that key starts with.
func partLen(key []byte) int {
	for i := 0; i+1 < len(key); i++ {
		if key[i] != 0 {
			continue
		}
		switch key[i+1] {
		case 1:
			return i + 2
		case 2:
			return min(i+2+sha256.Size, len(key))
		}
		i++
	}
	return len(key)
}

func keyOf(kind byte, parts ...string) []byte {
	key := make([]byte, 0, 64)
	key = append(key, kind)
	for _, p := range parts {
		key = appendPart(key, p)
	}
	return key
}

func userKey(k store.UserKey) []byte       { return keyOf(kindUser, k.Realm, k.ID) }
func clearancesKey(k store.UserKey) []byte { return keyOf(kindClearances, k.Realm, k.ID) }
func spentKey(k store.UserKey, name string) []byte {
	return keyOf(kindSpent, k.Realm, k.ID, name)
}

func dayKey(realm, date string) []byte { return keyOf(kindDay, realm, date) }

func visitKey(realm string, id store.VisitID) []byte {
	return append(keyOf(kindVisit, realm), id[:]...)
}

// indexStart is what all index entries of a kind, realm and status start with.
func indexStart(kind byte, realm string, status byte) []byte {
	return append(keyOf(kind, realm), status)
}

// indexEntry is a user's entry in one index under one status.
func indexEntry(kind, status byte, u *store.User) []byte {
	key := indexStart(kind, u.Key.Realm, status)
	key = appendPart(key, term(kind, u))
	return appendPart(key, u.Key.ID)
}

// indexEntries are all of a user's.
func indexEntries(u *store.User) [][]byte {
	entries := make([][]byte, 0, 8)
	for _, status := range statusesOf(u) {
		for _, kind := range kindsOf(u) {
			entries = append(entries, indexEntry(kind, status, u))
		}
	}
	return entries
}

// kindsOf are the indexes that a user is in.
func kindsOf(u *store.User) []byte {
	kinds := append(make([]byte, 0, 5), kindByName, kindByID)
	if u.Email != "" {
		kinds = append(kinds, kindByEmail)
	}
	if u.Activated() {
		kinds = append(kinds, kindByEnabled, kindByUsed)
	}
	return kinds
}

// term is what an index sorts by.
func term(kind byte, u *store.User) string {
	switch kind {
	case kindByName:
		return strings.ToLower(u.Name)
	case kindByEmail:
		return strings.ToLower(u.Email)
	case kindByEnabled:
		return timeTerm(u.EnabledAt)
	case kindByUsed:
		return timeTerm(u.UsedAt())
	}
	return strings.ToLower(u.Key.ID)
}

// timeTerm sorts as times do.
func timeTerm(t time.Time) string {
	return string(binary.BigEndian.AppendUint64(nil, uint64(t.UnixMicro()-zeroMicro)))
}

// statusesOf are what a user's entries are found under.
func statusesOf(u *store.User) []byte {
	if !u.Activated() {
		return []byte{statusOff}
	}
	if u.Throttled() {
		return []byte{statusOn, statusThrottled}
	}
	return []byte{statusOn}
}
