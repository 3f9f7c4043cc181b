package badger

import (
	"crypto/sha256"
	"strings"

	"github.com/secondgate/secondgate/internal/store"
)

// Keys are a kind and then parts:
//
//	u realm id                    a user
//	n realm status name id        index of users by lower-case name
//	i realm status id id          index of users by lower-case id
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

const (
	statusOn  = '1' // the user has a second factor
	statusOff = '0'
)

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

// indexEntry is a user's entry in the index by name or by id.
func indexEntry(kind byte, u *store.User) []byte {
	key := indexStart(kind, u.Key.Realm, statusOf(u))
	key = appendPart(key, term(kind, u))
	return appendPart(key, u.Key.ID)
}

// indexEntries are all of a user's. One whose name starts with the id is found by
// name wherever it would be found by id.
func indexEntries(u *store.User) [][]byte {
	entries := [][]byte{indexEntry(kindByName, u)}
	if !strings.HasPrefix(term(kindByName, u), term(kindByID, u)) {
		entries = append(entries, indexEntry(kindByID, u))
	}
	return entries
}

// term is what an index sorts by.
func term(kind byte, u *store.User) string {
	if kind == kindByName {
		return strings.ToLower(u.Name)
	}
	return strings.ToLower(u.Key.ID)
}

func statusOf(u *store.User) byte {
	if u.Activated() {
		return statusOn
	}
	return statusOff
}
