package store

// The names of records about the store itself that several packages read.
const (
	// MetaID is a random name that the store got when it was created. A restored store keeps it. It
	// shows which store a backup was made of.
	MetaID = "store id"
	// MetaKeys lists the master keys that records may be sealed with (package rotation).
	MetaKeys = "master keys"
	// MetaRestored is when the store was last restored from a backup, in RFC 3339.
	MetaRestored = "restored"
	// MetaClock is the trusted time, in RFC 3339, at which old entries of the audit log were last
	// removed. Package audit compares the clock with it, to detect a clock that is too far ahead.
	MetaClock = "clock"
	// MetaSites has the addresses at which each realm was last served: a JSON object of lists.
	MetaSites = "sites"
	// MetaPlaces is like MetaSites, with the matchers that lead to the gate added to each address.
	MetaPlaces = "places"
	// MetaIDs identifies the source of each realm's user ids, such as the whoami settings: a JSON
	// object of lists of hashes.
	MetaIDs = "ids"
	// MetaBackup is when a backup was last made, in RFC 3339.
	MetaBackup = "backup"
)
