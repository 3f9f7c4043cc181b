package store

import "time"

// UserKey names a user: the portal's canonical id within a realm.
type UserKey struct {
	Realm string
	ID    string
}

// User is all that is kept about one user. Times are UTC; a zero time means never.
type User struct {
	Key UserKey
	// Name is the user's name as the portal shows it. Staff lists show it; it never identifies a
	// user.
	Name string
	// Email is the address for notices: the last one that whoami named; empty if it names none.
	Email string
	// Language is the language of the own pages that the user last saw; empty if none.
	Language string
	// FirstSeen is when whoami named the user for the first time.
	FirstSeen time.Time
	// EnabledAt is when two-factor authentication was last turned on.
	EnabledAt time.Time
	// TOTP is the confirmed authenticator, nil when there is none.
	TOTP *TOTP
	// Backup is the current set of backup codes, nil when there is none.
	Backup *BackupSet
	// Recovery is the recovery code that staff issued, nil when there is none.
	Recovery *Recovery
	// Failures counts refused codes per kind of factor ("totp", "backup").
	Failures map[string]Failures
	// Spent remembers used backup codes, nil while none was used. It outlives the factors.
	Spent *SpentCodes
	// SessionsEnded is when all sessions of the user were ended last: cookies of the portal
	// that were sealed before are not forwarded as the user's. It outlives the factors. See
	// session.EndAll.
	SessionsEnded time.Time
}

// Activated reports whether the user has a second factor.
func (u User) Activated() bool { return u.TOTP != nil }

// Throttled reports whether wrong codes have caused a wait for the user since the last accepted
// code. The wait may be over.
func (u User) Throttled() bool {
	for _, f := range u.Failures {
		if !f.Until.IsZero() {
			return u.Activated()
		}
	}
	return false
}

// UsedAt returns when any of the user's factors was last used; zero for never.
func (u User) UsedAt() (at time.Time) {
	if u.TOTP != nil {
		at = u.TOTP.UsedAt
	}
	if u.Backup != nil && u.Backup.UsedAt.After(at) {
		at = u.Backup.UsedAt
	}
	return at
}

// TOTP is one authenticator app (RFC 6238).
type TOTP struct {
	// ID is unique for every enrolment, so that records about one enrolment never apply to another.
	ID string
	// Secret is the shared key, sealed with realm, user and field as authenticated data.
	Secret []byte
	// Algorithm is SHA1, SHA256 or SHA512.
	Algorithm string
	Digits    int
	// Period is the length of a step in seconds.
	Period int
	// Floor is the newest step of which a code was accepted. Codes of this step and of earlier ones
	// are never accepted again.
	Floor int64
	// AddedAt and UsedAt are shown on the settings page.
	AddedAt, UsedAt time.Time
}

// BackupSet is a set of backup codes that were generated together.
type BackupSet struct {
	// Salt is the Argon2id salt of the whole set.
	Salt []byte
	// Hashes are the hashes of the unused codes.
	Hashes [][]byte
	// Total is the number of codes that were generated.
	Total int
	// AddedAt and UsedAt (the last use) are shown on the settings page.
	AddedAt, UsedAt time.Time
}

// SpentCodes remembers backup codes that were used, so that an import of the same codes
// does not make them valid again.
type SpentCodes struct {
	// Key is the key of the digests, sealed with realm, user and field as authenticated data. It is
	// random and not derived from a master key. When master keys are rotated, the key can be sealed
	// again, but the digests could not be computed again.
	Key []byte
	// Digests are 16 bytes each, one after another.
	Digests []byte
	// Closed says that Digests may lack used codes: there were too many, or the store was restored
	// from a backup. All backup codes of an import are then left out.
	Closed bool
}

// Recovery is a code that staff gave to a user who lost all factors. It is valid for one challenge.
type Recovery struct {
	// Salt and Hash are the Argon2id salt and hash of the code, as for a backup code.
	Salt, Hash []byte
	// Issued and Expires are the beginning and the end of its validity.
	Issued, Expires time.Time
	// Staff is the member of staff who issued it.
	Staff string
}

// Failures counts the codes that were refused since the last accepted one.
type Failures struct {
	Count int
	// Until is when the next attempt may be made.
	Until time.Time
}

// VisitID is the SHA-256 of a visit's token; the token itself is never stored.
type VisitID [32]byte

// Visit is one of two records about a visit's token:
//
//   - a clearance: the visit passed a second factor as User.
//   - a revoked token (a tombstone): User is empty. The token was replaced by a fresh one, or
//     its session was ended. Cookies that were sealed for the token no longer open.
type Visit struct {
	Realm string
	ID    VisitID
	// User is the user that the clearance is for; empty for a revoked token.
	User string
	// Factor is the kind of the factor that was presented, for example "totp".
	Factor string
	// SessionEnded says that the token was revoked because its session was ended. The browser
	// did not get a fresh token.
	SessionEnded bool
	// At is when the clearance was granted, or the token was revoked.
	At time.Time
	// LastSeen is the time of the last request with the clearance. It is written at intervals.
	LastSeen time.Time
	// Expires is when the clearance ends at the latest, or when the tombstone can be deleted.
	Expires time.Time
	// Address and Agent are shown in the list of open sessions.
	Address, Agent string
	// Binds identifies the portal cookies that the clearance was given for, by sorted hashes of
	// site, name and path (portal.Jar.Binds). Their values are not part of it.
	Binds []uint64
	// Failures counts wrong codes given in this cleared visit.
	Failures int
}

// Revoked reports whether the visit's token was revoked.
func (v Visit) Revoked() bool { return v.User == "" }

// Status filters users.
type Status int

// The statuses that staff filter by.
const (
	AnyStatus Status = iota
	Activated
	NotActivated
	// Throttled are the users for whom User.Throttled is true; they are Activated, too.
	Throttled
)

// Sort is what users are listed by.
type Sort int

// The orders. Where two are equal, the id decides.
const (
	// ByName ignores case.
	ByName Sort = iota
	// ByID ignores case too.
	ByID
	// ByEnabled is by User.EnabledAt, ByUsed by User.UsedAt. Users without a second factor
	// come last, whatever the direction, by name.
	ByEnabled
	ByUsed
)

// UserQuery asks for a page of users. Engines may order by the beginning of very long
// names.
type UserQuery struct {
	Realm  string
	Status Status
	// Prefix restricts to users with a name, id or email address that starts with it, ignoring
	// case. Users who match by the field that the list is sorted by come first, then those who
	// match only by id (or name), then those who match only by address. Each group is sorted by the
	// field that matched. It can't be combined with ByEnabled and ByUsed.
	Prefix string
	Sort   Sort
	// Descending reverses the order.
	Descending bool
	// After is the cursor of the previous page, empty for the first.
	After string
	// Limit is the page's size, 1 to 1000.
	Limit int
}

// UserPage is one page. Next is empty on the last page only; other pages, too, may hold fewer users
// than the limit.
type UserPage struct {
	Users []User
	Next  string
}

// UserCount is how many users of a realm have a second factor, and how many don't.
type UserCount struct{ Activated, NotActivated int }
