package cookie

import (
	"crypto/sha256"
	"encoding/base32"
)

// DefaultRealm is the realm of a site that names none. Its cookies have no realm in
// their names.
const DefaultRealm = "default"

// RealmTagLen is the length of a realm's tag in bytes.
const RealmTagLen = 8

// realmAlphabet has lower-case letters and digits only: every server accepts them in cookie
// names, PHP does not change them, and a comparison that ignores case doesn't confuse two
// tags.
const realmAlphabet = "abcdefghijklmnopqrstuvwxyz234567"

var realmEncoding = base32.NewEncoding(realmAlphabet).WithPadding(base32.NoPadding)

// RealmTag returns the part of the names of Secondgate's cookies that separates the
// realms of one host: 40 bits of a hash, or "" for [DefaultRealm].
func RealmTag(realm string) string {
	if realm == DefaultRealm {
		return ""
	}
	sum := sha256.Sum256([]byte("secondgate realm\x00" + realm))
	return realmEncoding.EncodeToString(sum[:RealmTagLen*5/8])
}

// IsRealmTag reports whether s has the form of a tag that [RealmTag] returns.
func IsRealmTag(s string) bool {
	if len(s) != RealmTagLen {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}
