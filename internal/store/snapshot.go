package store

import "github.com/secondgate/secondgate/internal/store/kv"

// Raw is one record in the form that engines store. Only package records parses it.
type Raw = kv.Record

// Snapshot is a consistent view of all records of a store at one moment. Later writes don't change
// it. It is valid only within the function that Store.Snapshot calls.
type Snapshot interface {
	// Records returns the number of records, without reading their content.
	Records() (int, error)
	// Meta is Store.Meta as of that moment.
	Meta(name string) ([]byte, error)
	// Each calls fn with every record. fn must not keep the record's slices.
	Each(fn func(r Raw) error) error
}

// Loaded counts the results of a restore.
type Loaded struct {
	// Users is the number of restored users. Damaged is the number of users with a record that
	// could not be read even before the backup was made; they are refused, as before.
	Users, Damaged int
	// Ended is the number of clearances that were valid in the backup, and that the restore ended.
	Ended int
}
