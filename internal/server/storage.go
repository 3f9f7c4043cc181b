package server

import (
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
)

// Storage is a storage engine with its settings. Nothing of it is open.
type Storage interface {
	// Key names what can be open only once, for example the absolute directory.
	Key() (string, error)
	// KeyFile is where the master keys are if the operator names no other place.
	KeyFile() (string, error)
	// Open opens it.
	Open(log *zap.Logger) (store.Store, error)
}

// Existing is a Storage that can say, without opening or making anything, whether there is
// a store. Others are asked after they have opened.
type Existing interface {
	Exists() (bool, error)
}

// spacious is a Storage that takes room on this machine's disk.
type spacious interface {
	// Space returns how many bytes it takes, and how many it may still write.
	Space() (used, free uint64, err error)
}

// expecting is a Storage with a setting that says that the store exists.
type expecting interface{ Expected() bool }

// Expected reports whether the settings of a storage say that the store exists.
func Expected(s Storage) bool {
	e, ok := s.(expecting)
	return ok && e.Expected()
}

// Pool shares engines between the configurations of a process: a new one is opened before
// the old one ends.
type Pool interface {
	// Join returns the engine of a place, and opens it with open if no configuration holds it.
	Join(place string, open func() (*Engine, error)) (*Engine, error)
	// Leave takes one Join back. The last one closes the engine.
	Leave(place string) error
	// All returns the open engines.
	All() []*Engine
}
