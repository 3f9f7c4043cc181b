package store

import "time"

// Raw is one record as its engine keeps it; nobody else reads it.
type Raw struct {
	Key, Value []byte
	// Expires is from when on the engine may forget the record; zero is never.
	Expires time.Time
}

// Snapshot is everything in a store as it was at one moment, whatever is written
// meanwhile. It is valid only within the function that it is given to.
type Snapshot interface {
	// Records counts them, without reading their content.
	Records() (int, error)
	// Meta is Store.Meta at that moment.
	Meta(name string) ([]byte, error)
	// Each gives fn every record, whose memory is the engine's again when fn returns.
	Each(fn func(r Raw) error) error
}

// Loaded counts what a restore made of a backup's records.
type Loaded struct {
	// Users were restored; of Damaged ones the record could not be read even before
	// the backup was made, so that they are refused, as they were.
	Users, Damaged int
	// Ended are the clearances that were live in the backup.
	Ended int
}
