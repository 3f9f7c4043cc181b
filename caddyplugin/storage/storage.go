// Package storage has the storage engines as Caddy modules, `two_factor.storage.*`. Of the
// packages below caddyplugin only this one names an engine: package caddyplugin loads the engine
// of a configuration, and the commands of package cli examine or restore its store.
package storage

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/backup"
	"github.com/secondgate/secondgate/internal/directive"
	"github.com/secondgate/secondgate/internal/server"
	"github.com/secondgate/secondgate/internal/store"
)

// DefaultEngine is the engine of a configuration that names none.
const DefaultEngine = "badger"

// Row is the subdirective `storage` of the global option two_factor. Its block is documentation
// only: the engine's module parses it.
var Row = directive.Row{
	Field: "StorageRaw", Usage: "storage badger [DIR]", Otherwise: "`two_factor/` in Caddy's data directory", Block: badgerRows,
	Doc: "Where second factors are kept.",
}

// Examiner is implemented by engines that can verify a store without writing to it.
type Examiner interface {
	// Examine calls fn with an opened copy of the store.
	Examine(ctx context.Context, log *zap.Logger, fn func(st store.Store) error) (Examined, error)
}

// Examined is what Examine finds.
type Examined struct {
	// Tables is the number of files of records, Damage what is wrong with records in them.
	Tables int
	Damage error
}

// Restorer is implemented by engines that a backup can be restored into.
type Restorer interface {
	// Aside creates a store beside the final place, and returns that place. The store is
	// moved there when it is complete. Aside returns an error if a store is there already.
	Aside(log *zap.Logger) (target backup.Target, place string, err error)
}

// InDirectory returns the settings of the default engine with its store in a directory.
func InDirectory(dir string) map[string]any {
	return map[string]any{"engine": DefaultEngine, "directory": dir}
}

// Temporary returns a storage of the default engine in a directory.
func Temporary(dir string) server.Storage { return &Badger{Directory: dir} }

// Load loads the engine that raw names, or the default one if raw is nil. It opens no files.
func Load(ctx caddy.Context, raw json.RawMessage) (storage server.Storage, engine string, err error) {
	if raw == nil {
		raw = caddyconfig.JSON(map[string]any{"engine": DefaultEngine}, nil)
	}
	settings := struct {
		Raw json.RawMessage `caddy:"namespace=two_factor.storage inline_key=engine"`
	}{raw}
	mod, err := ctx.LoadModule(&settings, "Raw")
	if err != nil {
		return nil, "", fmt.Errorf("loading the storage engine: %w", err)
	}
	storage, ok := mod.(server.Storage)
	if !ok {
		return nil, "", fmt.Errorf("module %T is no storage engine of two_factor", mod)
	}
	return storage, mod.(caddy.Module).CaddyModule().ID.Name(), nil
}

// Parse parses the line "storage ENGINE …". The engine's module parses what follows its name.
func Parse(d *caddyfile.Dispenser) (json.RawMessage, error) {
	if !d.NextArg() {
		return nil, d.Errf("storage lacks the name of an engine; want: %s", Row.Usage)
	}
	engine := d.Val()
	id := "two_factor.storage." + engine
	if _, err := caddy.GetModule(id); err != nil {
		return nil, d.Errf("%q is not a storage engine of this build; want: %s", engine, Row.Usage)
	}
	unmarshaled, err := caddyfile.UnmarshalModule(d, id)
	if err != nil {
		return nil, err
	}
	return caddyconfig.JSONModuleObject(unmarshaled, "engine", engine, nil), nil
}
