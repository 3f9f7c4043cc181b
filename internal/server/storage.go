package server

import (
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
)

// Storage is a storage engine with its settings. The store is not open until Open is called.
// Modules of Caddy implement it, such as storage.Badger of caddyplugin/storage.
type Storage interface {
	// Key returns a name of the store, for example its absolute directory. Stores with the same
	// Key are the same, and only one process can have it open.
	Key() (string, error)
	// KeyFile returns the file of the master keys if the setting `key` names no other place.
	KeyFile() (string, error)
	// Open opens the store.
	Open(log *zap.Logger) (store.Store, error)
}

// Existing is implemented by a Storage that can tell whether there is a store without opening
// or creating one. For others that is checked after Open.
type Existing interface {
	Exists() (bool, error)
}

// spacious is implemented by a Storage on a disk of this machine.
type spacious interface {
	// Space returns how many bytes the store uses, and how many it may still write.
	Space() (used, free uint64, err error)
}

// expecting is implemented by a Storage with a setting that the store must exist (must_exist).
type expecting interface{ Expected() bool }

// Expected reports whether the settings of a storage say that the store must exist.
func Expected(s Storage) bool {
	e, ok := s.(expecting)
	return ok && e.Expected()
}

// Pool shares engines between the configurations of a process. At a reload the new
// configuration is opened before the old one is closed.
type Pool interface {
	// Join returns the engine of a place, and opens it with open if no configuration holds it.
	Join(place string, open func() (*Engine, error)) (*Engine, error)
	// Leave undoes one Join. The last Leave closes the engine.
	Leave(place string) error
	// All returns the open engines.
	All() []*Engine
}
