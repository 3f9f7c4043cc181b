package store

// The names of records about the store itself that several packages read.
const (
	// MetaID is a random name that the store got when it was made. A restored store
	// keeps it, so that a backup tells which store it is of.
	MetaID = "store id"
	// MetaKeys lists the master keys that records may be sealed with (package rotation).
	MetaKeys = "master keys"
	// MetaRestored is when the store was last restored from a backup, in RFC 3339.
	MetaRestored = "restored"
	// MetaClock is the time up to which the clock was believed when old entries of the
	// audit log were last removed, in RFC 3339 (package audit).
	MetaClock = "clock"
	// MetaSites is where realms were served last: a JSON object of lists of addresses.
	MetaSites = "sites"
	// MetaPlaces is the same with the matchers that the realms are behind at their sites.
	MetaPlaces = "places"
	// MetaIDs is what the ids of the users of realms are made of: a JSON object of lists
	// of hashes.
	MetaIDs = "ids"
	// MetaBackup is when a backup was last made, in RFC 3339.
	MetaBackup = "backup"
)
