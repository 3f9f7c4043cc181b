package store

import "github.com/secondgate/secondgate/internal/store/kv"

// Raw is one record as engines keep it. Only package records reads its content.
type Raw = kv.Record

// Snapshot is everything in a store as it was at one moment, whatever is written
// meanwhile. It is valid only within the function that it is given to.
type Snapshot interface {
	// Records counts them, without reading their content.
	Records() (int, error)
	// Meta is Store.Meta at that moment.
	Meta(name string) ([]byte, error)
	// Each calls fn with every record. fn must not keep the record's slices.
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
