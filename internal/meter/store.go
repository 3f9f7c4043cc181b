package meter

// Store counts what a store failed at, over all realms.
type Store struct{ errors *Counter }

// What a store was asked for.
const (
	Read  = "read"
	Write = "write"
	// Check is the question whether it can write: of health checks.
	Check = "check"
)

// NewStore returns one without a failure.
func NewStore() *Store {
	return &Store{newCounter("store_errors_total", "Failures of the store, by what it was asked for.", label("operation", Read, Write, Check))}
}

// Failed counts a failure: of Read, Write or Check.
func (s *Store) Failed(operation string) { s.errors.add(1, operation) }

// Counters are all of the store's.
func (s *Store) Counters() []*Counter { return []*Counter{s.errors} }
